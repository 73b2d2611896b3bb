import { run as words } from "../strings/run";
import type { FilteredSource } from "./filtered-loader";
import { OutputFeed } from "./output-feed";
import { type Paper, PlainPaper } from "./plain-paper";

export interface OutputState {
  lines: number;
  /** There is more before the first line. */
  cut: boolean;
  /** Nothing is known of that is not shown. */
  idle: boolean;
  /** The terminal could not be loaded. */
  raw: boolean;
  problem: unknown;
}

const START: OutputState = { lines: 0, cut: false, idle: false, raw: false, problem: null };

export interface OutputOptions {
  step: string;
  from: number;
  to: number | null;
  protocol: boolean;
}

/** The output of one step on paper, and where it stands. */
export class OutputModel {
  #feed: OutputFeed;
  #paper: Paper | null = null;
  #makePaper: (() => Paper) | null = null;
  #load: () => Promise<() => Paper>;
  #state = START;
  #listeners = new Set<() => void>();
  #section: string;
  #frame = 0;
  #last = 0;
  #closed = false;

  constructor(source: FilteredSource, options: OutputOptions, load: () => Promise<() => Paper>) {
    this.#load = load;
    this.#section = options.step;
    this.#feed = new OutputFeed(
      source,
      {
        reset: (cut) => {
          this.#paper?.close();
          this.#paper = this.#makePaper?.() ?? new PlainPaper();
          this.#section = options.step;
          this.#set({ cut });
        },
        write: (piece, step) => this.#write(piece, step),
      },
      { range: { from: options.from, to: options.to }, protocol: options.protocol },
    );
    this.#feed.listen(() => this.#soon());
  }

  /** Loads the terminal, then the output. */
  async open(): Promise<void> {
    try {
      this.#makePaper = await this.#load();
    } catch {
      this.#makePaper = () => new PlainPaper();
      this.#set({ raw: true });
    }
    if (!this.#closed && this.#last > 0) this.#feed.hint(this.#last);
  }

  readonly state = (): OutputState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  line(index: number) {
    return this.#paper?.line(index) ?? [];
  }

  text(index: number): string {
    return this.#paper?.text(index) ?? "";
  }

  hint(last: number): void {
    this.#last = Math.max(this.#last, last);
    if (this.#makePaper) this.#feed.hint(this.#last);
  }

  end(to: number): void {
    this.#feed.end(to);
  }

  retry(): void {
    this.#feed.retry();
  }

  close(): void {
    this.#closed = true;
    cancelAnimationFrame(this.#frame);
    this.#feed.close();
    this.#paper?.close();
    this.#paper = null;
  }

  async #write(piece: string | Uint8Array, step: string): Promise<void> {
    if (step !== this.#section) {
      this.#section = step;
      // Dim, and outside of whatever look the step before left behind.
      await this.#paper?.write(`\u001b[0m\u001b[2m${words.output.section(step)}\u001b[0m\r\n`);
    }
    await this.#paper?.write(piece);
    this.#soon();
  }

  /** Under a flood, stock is taken once a frame. */
  #soon(): void {
    if (this.#closed) return;
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#set({
        lines: this.#paper?.refresh() ?? 0,
        idle: this.#feed.idle,
        problem: this.#feed.problem,
      });
    });
  }

  #set(change: Partial<OutputState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of [...this.#listeners]) listener();
  }
}
