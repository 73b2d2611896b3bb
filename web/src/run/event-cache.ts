import { type RunEvent, trimmed, weight } from "./event";

/** Events on one page of the cache; also the most that the API gives at once. */
export const PAGE = 200;
/** Pages kept: 8,000 events, far more than a screen shows and enough to go back and forth in. */
export const PAGES_MAX = 40;
/** Text kept, in characters. */
export const TEXT_MAX = 8 * 1024 * 1024;

interface CachePage {
  slots: (RunEvent | undefined)[];
  weight: number;
  used: number;
}

/** Events by seq, with holes. What was not looked at for longest goes first. */
export class EventCache {
  #pages = new Map<number, CachePage>();
  #clock = 0;
  #weight = 0;

  get pages(): number {
    return this.#pages.size;
  }

  get weight(): number {
    return this.#weight;
  }

  get(seq: number): RunEvent | undefined {
    return this.#pages.get(Math.floor((seq - 1) / PAGE))?.slots[(seq - 1) % PAGE];
  }

  /** Puts an event into its place. False when it was there. */
  put(event: RunEvent): boolean {
    const key = Math.floor((event.seq - 1) / PAGE);
    let page = this.#pages.get(key);
    if (!page) {
      page = { slots: new Array(PAGE), weight: 0, used: ++this.#clock };
      this.#pages.set(key, page);
    }
    const slot = (event.seq - 1) % PAGE;
    if (page.slots[slot]) return false;
    const kept = trimmed(event);
    page.slots[slot] = kept;
    const added = weight(kept);
    page.weight += added;
    this.#weight += added;
    return true;
  }

  /** Marks what is looked at, and lets go of what is beyond the bounds. */
  keep(first: number, last: number): void {
    const [low, high] = [Math.floor((first - 1) / PAGE), Math.floor((last - 1) / PAGE)];
    const now = ++this.#clock;
    for (let key = low; key <= high; key++) {
      const page = this.#pages.get(key);
      if (page) page.used = now;
    }
    while (this.#pages.size > PAGES_MAX || this.#weight > TEXT_MAX) {
      let oldest: number | undefined;
      let used = now;
      for (const [key, page] of this.#pages) {
        if (page.used < used) [oldest, used] = [key, page.used];
      }
      if (oldest === undefined) return;
      this.#weight -= this.#pages.get(oldest)?.weight ?? 0;
      this.#pages.delete(oldest);
    }
  }

  /** All that is held, in no order. */
  *events(): Generator<RunEvent> {
    for (const page of this.#pages.values()) {
      for (const event of page.slots) if (event) yield event;
    }
  }

  get size(): number {
    let size = 0;
    for (const page of this.#pages.values()) for (const event of page.slots) if (event) size++;
    return size;
  }
}
