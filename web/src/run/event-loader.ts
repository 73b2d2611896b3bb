import { backoff } from "../lib/backoff";
import type { RunEvent } from "./event";
import { EventCache, PAGE } from "./event-cache";
import { browser, type World } from "./world";

/** Requests at once: one for what is seen, one for what comes next. */
const REQUESTS_MAX = 2;
/** Events beside those that are seen that are worth having. */
const MARGIN = 60;

export interface Source {
  /** At most `limit` events behind `after`, in order, without gaps; fewer where they are large. */
  fetch(after: number, limit: number, signal: AbortSignal): Promise<RunEvent[]>;
}

interface Request {
  first: number;
  last: number;
  abort: AbortController;
}

/**
 * Random access to the events of one run. The list is as long as the run says; what is looked at
 * is fetched, what is not is let go of. What is missing follows from what is held, so nothing is
 * missed or doubled, however hints are lost, repeated or out of order.
 */
export class EventLoader {
  readonly cache = new EventCache();
  #source: Source;
  #world: World;
  #last = 0;
  #seen: [number, number] = [1, 0];
  #requests = new Set<Request>();
  #failures = 0;
  #problem: unknown = null;
  #waiting: (() => void) | null = null;
  #listeners = new Set<(loaded: RunEvent[]) => void>();
  #over = false;

  constructor(source: Source, world: World = browser) {
    this.#source = source;
    this.#world = world;
  }

  /** The newest event that is known of. */
  get last(): number {
    return this.#last;
  }

  /** Why what is seen could not be fetched, while that is so. */
  get problem(): unknown {
    return this.#problem;
  }

  get busy(): boolean {
    return this.#requests.size > 0;
  }

  get(seq: number): RunEvent | undefined {
    return this.cache.get(seq);
  }

  /** Calls back whenever something came, with what came. */
  listen(listener: (loaded: RunEvent[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The run has at least so many events. Older hints are ignored. */
  hint(last: number): void {
    if (!(last > this.#last)) return;
    this.#last = last;
    this.#pump();
    this.#tell([]);
  }

  /** These are looked at now. */
  want(first: number, last: number): void {
    this.#seen = [Math.max(1, first), last];
    this.cache.keep(Math.max(1, first - MARGIN), last + MARGIN);
    for (const request of this.#requests) {
      if (request.last < first - PAGE || request.first > last + PAGE) request.abort.abort();
    }
    this.#pump();
  }

  /** The connection is back: what failed is tried now. */
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
    for (const request of this.#requests) request.abort.abort();
  }

  #pump(): void {
    while (!this.#over && !this.#waiting && this.#requests.size < REQUESTS_MAX) {
      const next = this.#missing();
      if (!next) return;
      void this.#load(next);
    }
  }

  /** The next part worth fetching: what is seen, what follows it, what is before it. */
  #missing(): [number, number] | null {
    const [low, high] = this.#seen;
    const end = Math.min(high, this.#last);
    return (
      this.#hole(low, end) ??
      this.#hole(end + 1, Math.min(end + MARGIN, this.#last)) ??
      this.#hole(Math.max(1, low - MARGIN), low - 1)
    );
  }

  /** From the first event that is neither held nor on its way to the last one that one request may bring. */
  #hole(low: number, high: number): [number, number] | null {
    for (let seq = low; seq <= high; seq++) {
      if (this.#has(seq)) continue;
      let last = seq;
      // As many as fit: a request costs more than events do.
      while (last - seq + 1 < PAGE && !this.#has(last + 1)) last++;
      return [seq, last];
    }
    return null;
  }

  #has(seq: number): boolean {
    if (this.cache.get(seq)) return true;
    for (const request of this.#requests)
      if (seq >= request.first && seq <= request.last) return true;
    return false;
  }

  async #load([first, last]: [number, number]): Promise<void> {
    const request: Request = { first, last, abort: new AbortController() };
    this.#requests.add(request);
    const known = this.#last;
    let came: RunEvent[] = [];
    try {
      const events = await this.#source.fetch(first - 1, last - first + 1, request.abort.signal);
      came = inOrder(events, first, last);
      if (came.length === 0 && first <= known)
        throw new Error("the events that were announced are not there yet");
      this.#failures = 0;
      this.#problem = null;
    } catch (problem) {
      if (!request.abort.signal.aborted) this.#failed(problem);
    }
    this.#requests.delete(request);
    if (this.#over) return;
    const fresh = came.filter((event) => this.cache.put(event));
    this.#last = Math.max(this.#last, came.at(-1)?.seq ?? 0);
    this.cache.keep(Math.max(1, this.#seen[0] - MARGIN), this.#seen[1] + MARGIN);
    this.#pump();
    this.#tell(fresh);
  }

  #failed(problem: unknown): void {
    this.#failures++;
    this.#problem = problem;
    this.#waiting?.();
    this.#waiting = this.#world.later(
      () => this.retry(),
      backoff(this.#failures, this.#world.chance()),
    );
  }

  #tell(loaded: RunEvent[]): void {
    for (const listener of [...this.#listeners]) listener(loaded);
  }
}

/** What of an answer follows without a gap from where it was asked. */
function inOrder(events: RunEvent[], first: number, last: number): RunEvent[] {
  let next = first;
  const good: RunEvent[] = [];
  for (const event of events) {
    if (event.seq !== next || next > last) break;
    good.push(event);
    next++;
  }
  return good;
}
