import { backoff } from "../lib/backoff";
import { type RunEvent, trimmed, weight } from "./event";
import { PAGE, TEXT_MAX } from "./event-cache";
import { browser, type World } from "./world";

/** Events of one filter that are held; beyond, those furthest from where one reads are let go of. */
export const HELD_MAX = 4_000;

export interface FilteredSource {
  /** The first `limit` that fit behind `after`, in order. Empty when there are none. */
  after(seq: number, limit: number, signal: AbortSignal): Promise<RunEvent[]>;
  /** The last `limit` that fit before `seq`, in order. Empty when there are none. */
  before(seq: number, limit: number, signal: AbortSignal): Promise<RunEvent[]>;
}

export interface FilteredOptions {
  /** Read from the first event on, or from the newest backwards. */
  from: "start" | "end";
  /** What of the answers is kept; the API filters by kind only. */
  keep?: (event: RunEvent) => boolean;
}

/**
 * The events of a run that pass a filter: a window without holes over a list whose length nobody
 * knows. Grows at both ends, follows the run at its end.
 */
export class FilteredLoader {
  #source: FilteredSource;
  #world: World;
  #options: FilteredOptions;
  #items: RunEvent[] = [];
  #weight = 0;
  /** All that match in `(#low, #high]` are held. */
  #low = 0;
  #high = 0;
  #atStart = false;
  #last = 0;
  #opened = false;
  #follow: boolean;
  #wantEarlier = false;
  #request: AbortController | null = null;
  #failures = 0;
  #problem: unknown = null;
  #waiting: (() => void) | null = null;
  #listeners = new Set<() => void>();
  #over = false;

  constructor(source: FilteredSource, options: FilteredOptions, world: World = browser) {
    this.#source = source;
    this.#options = options;
    this.#world = world;
    this.#follow = true;
  }

  get items(): readonly RunEvent[] {
    return this.#items;
  }

  /** Whether there is nothing earlier. */
  get atStart(): boolean {
    return this.#atStart;
  }

  /** Whether nothing newer is known of. */
  get atEnd(): boolean {
    return this.#opened && this.#high >= this.#last;
  }

  get problem(): unknown {
    return this.#problem;
  }

  get busy(): boolean {
    return this.#request !== null;
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

  /** Somebody reads near the top. */
  earlier(): void {
    if (this.#atStart || this.#wantEarlier) return;
    this.#wantEarlier = true;
    this.#pump();
  }

  /** Whether newer events are fetched as they come. Off while somebody reads far above them. */
  set follow(on: boolean) {
    this.#follow = on;
    if (on) this.#pump();
  }

  retry(): void {
    this.#waiting?.();
    this.#waiting = null;
    this.#pump();
  }

  /** Goes on after `close`: a view may be taken down and put up again. */
  open(): void {
    this.#over = false;
    this.retry();
  }

  close(): void {
    this.#over = true;
    this.#waiting?.();
    this.#waiting = null;
    this.#request?.abort();
    this.#request = null;
  }

  #pump(): void {
    if (this.#over || this.#waiting || this.#request || this.#last === 0) return;
    if (!this.#opened) {
      void this.#load(this.#options.from === "start" ? "first" : "latest");
    } else if (this.#wantEarlier) {
      void this.#load("earlier");
    } else if (this.#follow && this.#high < this.#last) {
      void this.#load("later");
    }
  }

  async #load(what: "first" | "latest" | "earlier" | "later"): Promise<void> {
    const abort = new AbortController();
    this.#request = abort;
    const known = this.#last;
    try {
      const events = await this.#ask(what, known, abort.signal);
      // Closed, and perhaps opened again with a request of its own.
      if (this.#request !== abort) return;
      this.#take(what, known, events);
      this.#failures = 0;
      this.#problem = null;
    } catch (problem) {
      if (this.#request !== abort) return;
      this.#failures++;
      this.#problem = problem;
      this.#waiting = this.#world.later(
        () => this.retry(),
        backoff(this.#failures, this.#world.chance()),
      );
    }
    this.#request = null;
    this.#pump();
    for (const listener of [...this.#listeners]) listener();
  }

  #ask(what: string, known: number, signal: AbortSignal): Promise<RunEvent[]> {
    if (what === "first") return this.#source.after(0, PAGE, signal);
    if (what === "latest") return this.#source.before(known + 1, PAGE, signal);
    if (what === "earlier") return this.#source.before(this.#low + 1, PAGE, signal);
    return this.#source.after(this.#high, PAGE, signal);
  }

  #take(what: string, known: number, events: RunEvent[]): void {
    const [first, last] = [events[0]?.seq, events.at(-1)?.seq];
    if (what === "earlier" || what === "latest") {
      if (what === "latest") this.#high = known;
      this.#wantEarlier = false;
      this.#low = first === undefined ? 0 : first - 1;
      this.#atStart = first === undefined || first === 1;
      this.#items = [...this.#kept(events), ...this.#items];
    } else {
      if (what === "first") this.#atStart = true;
      // An empty answer speaks for all that was known when it was asked for.
      this.#high = last ?? Math.max(this.#high, known);
      this.#items = [...this.#items, ...this.#kept(events)];
    }
    this.#opened = true;
    // A page of which the filter left nothing is not an answer to whoever looks.
    if (this.#items.length < PAGE / 4 && !this.#atStart) this.#wantEarlier = true;
    this.#bound(what === "earlier");
  }

  #kept(events: RunEvent[]): RunEvent[] {
    const { keep } = this.#options;
    const kept = (keep ? events.filter(keep) : events).map(trimmed);
    for (const event of kept) this.#weight += weight(event);
    return kept;
  }

  /** Lets go of what is furthest away from where the list grew. */
  #bound(grewAtStart: boolean): void {
    while (
      this.#items.length > HELD_MAX ||
      (this.#weight > TEXT_MAX && this.#items.length > PAGE)
    ) {
      const gone = grewAtStart ? this.#items.splice(-PAGE) : this.#items.splice(0, PAGE);
      for (const event of gone) this.#weight -= weight(event);
      if (grewAtStart) {
        this.#high = this.#items.at(-1)?.seq ?? this.#low;
        this.#follow = false;
      } else {
        this.#low = (this.#items[0]?.seq ?? this.#high + 1) - 1;
        this.#atStart = false;
      }
    }
  }
}
