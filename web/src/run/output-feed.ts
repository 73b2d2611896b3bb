import { backoff } from "../lib/backoff";
import { countLines, outputBytes, type RunEvent, textOf } from "./event";
import { PAGE } from "./event-cache";
import type { FilteredSource } from "./filtered-loader";
import { browser, type World } from "./world";

/** What is shown at most: as much as a person would look through. */
export const BYTES_MAX = 2 * 1024 * 1024;
export const FEED_LINES_MAX = 10_000;
/** Requests to find the last lines; a program that prints byte by byte is cut there. */
const REQUESTS_MAX = 60;
/** Events behind at which it is cheaper to start at the end again. */
const BEHIND_MAX = 5_000;

export interface Sink {
  /** Starts with nothing; `cut` says that there is more before. */
  reset(cut: boolean): void;
  /** Takes what was printed next. Slow sinks are waited for. */
  write(piece: string | Uint8Array, step: string): Promise<void>;
}

export interface Range {
  /** The event that began the step. */
  from: number;
  /** The event that ended it; none while it runs. */
  to: number | null;
}

export interface FeedOptions {
  range: Range;
  /** Whether the lines spoken with the agent are part of it. */
  protocol: boolean;
}

/**
 * The output of one step: its end first, then what comes. Every piece reaches the sink once and
 * in order; after a break it goes on where it was.
 */
export class OutputFeed {
  #source: FilteredSource;
  #sink: Sink;
  #options: FeedOptions;
  #world: World;
  #last = 0;
  #fed = 0;
  #opened = false;
  #busy: AbortController | null = null;
  #failures = 0;
  #problem: unknown = null;
  #waiting: (() => void) | null = null;
  #listeners = new Set<() => void>();
  #over = false;

  constructor(source: FilteredSource, sink: Sink, options: FeedOptions, world: World = browser) {
    this.#source = source;
    this.#sink = sink;
    this.#options = options;
    this.#world = world;
  }

  get problem(): unknown {
    return this.#problem;
  }

  /** Whether all that is known of has been shown. */
  get idle(): boolean {
    return this.#opened && this.#fed >= this.#goal();
  }

  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  hint(last: number): void {
    if (!(last > this.#last)) return;
    this.#last = last;
    this.#pump();
  }

  /** The step has ended with this event. */
  end(to: number): void {
    this.#options = { ...this.#options, range: { ...this.#options.range, to } };
    this.#pump();
  }

  retry(): void {
    this.#waiting?.();
    this.#waiting = null;
    this.#pump();
  }

  close(): void {
    this.#over = true;
    this.#waiting?.();
    this.#busy?.abort();
  }

  #goal(): number {
    return Math.min(this.#last, this.#options.range.to ?? this.#last);
  }

  #pump(): void {
    if (this.#over || this.#busy || this.#waiting || this.#last === 0) return;
    if (this.#opened && this.#fed >= this.#goal()) return;
    this.#busy = new AbortController();
    void this.#run(this.#busy.signal);
  }

  async #run(signal: AbortSignal): Promise<void> {
    try {
      if (!this.#opened || this.#goal() - this.#fed > BEHIND_MAX) await this.#open(signal);
      else await this.#follow(signal);
      this.#failures = 0;
      this.#problem = null;
    } catch (problem) {
      if (!this.#over) {
        this.#failures++;
        this.#problem = problem;
        this.#waiting = this.#world.later(
          () => this.retry(),
          backoff(this.#failures, this.#world.chance()),
        );
      }
    }
    this.#busy = null;
    if (this.#over) return;
    this.#pump();
    for (const listener of [...this.#listeners]) listener();
  }

  /** Goes back from the end until there is enough, then shows it from there. */
  async #open(signal: AbortSignal): Promise<void> {
    const { from } = this.#options.range;
    const goal = this.#goal();
    const found: RunEvent[][] = [];
    let [bytes, lines, before, whole] = [0, 0, goal + 1, false];
    for (
      let asked = 0;
      asked < REQUESTS_MAX && bytes < BYTES_MAX && lines < FEED_LINES_MAX;
      asked++
    ) {
      const events = await this.#source.before(before, PAGE, signal);
      const mine = events.filter((event) => event.seq > from);
      found.push(mine);
      for (const event of mine) {
        const piece = this.#wanted(event) ? outputBytes(event) : "";
        bytes += piece.length;
        if (typeof piece === "string") lines += countLines(piece);
      }
      whole = mine.length < events.length || events.length === 0;
      if (whole) break;
      before = events[0]?.seq ?? from;
    }
    if (this.#over) return;
    this.#sink.reset(!whole);
    this.#opened = true;
    for (const events of found.reverse()) await this.#show(events);
    this.#fed = Math.max(this.#fed, goal);
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const goal = this.#goal();
    const events = await this.#source.after(this.#fed, PAGE, signal);
    const { to } = this.#options.range;
    await this.#show(to === null ? events : events.filter((event) => event.seq <= to));
    // A short page says that there is nothing else up to what was known when it was asked for.
    this.#fed = Math.max(events.at(-1)?.seq ?? goal, events.length === 0 ? goal : this.#fed);
  }

  async #show(events: readonly RunEvent[]): Promise<void> {
    const wanted = events.filter((event) => this.#wanted(event));
    for (const { piece, step } of joined(wanted)) {
      if (this.#over) return;
      await this.#sink.write(piece, step);
    }
  }

  #wanted(event: RunEvent): boolean {
    return this.#options.protocol || textOf(event, "stream") !== "protocol";
  }
}

interface Part {
  piece: string | Uint8Array;
  step: string;
}

/** Pieces that follow each other as one: a terminal takes a moment for each, however small. */
function joined(events: readonly RunEvent[]): Part[] {
  const parts: { pieces: (string | Uint8Array)[]; step: string }[] = [];
  for (const event of events) {
    const step = textOf(event, "step");
    const piece = outputBytes(event);
    const last = parts.at(-1);
    if (last?.step === step && typeof last.pieces[0] === typeof piece) last.pieces.push(piece);
    else parts.push({ pieces: [piece], step });
  }
  return parts.map(({ pieces, step }) => ({ piece: join(pieces), step }));
}

function join(pieces: readonly (string | Uint8Array)[]): string | Uint8Array {
  if (typeof pieces[0] === "string") return pieces.join("");
  const bytes = pieces as readonly Uint8Array[];
  const all = new Uint8Array(bytes.reduce((size, piece) => size + piece.length, 0));
  let at = 0;
  for (const piece of bytes) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
