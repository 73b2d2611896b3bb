import type { RunEvent } from "./event";
import { EventLoader, type Source } from "./event-loader";
import { FilteredLoader, type FilteredSource } from "./filtered-loader";
import { Layout, type Row } from "./layout";

/** A list of a run's events for the eye: which rows, how high, and what of it is held. */
export interface ActivityModel {
  readonly layout: Layout;
  /** The seq of the event at a place. */
  seqAt(index: number): number;
  /** The place of an event, or of the one before it where the list does not have it. */
  indexOf(seq: number): number;
  /** These rows are looked at. */
  look(rows: readonly Row[]): void;
  hint(last: number): void;
  retry(): void;
  listen(listener: () => void): () => void;
  /** Goes on after `close`. */
  open(): void;
  close(): void;
  /** Whether something that is looked at could not be fetched. */
  readonly problem: unknown;
  /** Whether a first answer is there. */
  readonly opened: boolean;
  /** Whether there is nothing before the first row. */
  readonly atStart: boolean;
  /** What is held now, in order. */
  held(): RunEvent[];
  /** Somebody reads the newest, or not. */
  follow(on: boolean): void;
}

/** All events of a run, by seq. */
export class WholeModel implements ActivityModel {
  readonly layout: Layout;
  readonly atStart = true;
  #loader: EventLoader;
  #listeners = new Set<() => void>();
  #opened = false;

  constructor(source: Source, protocol: boolean) {
    const loader = new EventLoader(source);
    this.#loader = loader;
    this.layout = new Layout(
      {
        get count() {
          return loader.last;
        },
        at: (index) => loader.get(index + 1),
      },
      protocol,
    );
    loader.listen((loaded) => {
      const [first, last] = [loaded[0]?.seq, loaded.at(-1)?.seq];
      this.layout.grow();
      if (first !== undefined && last !== undefined) {
        this.layout.add(first - 1, last - 1);
        this.#opened = true;
      }
      for (const listener of [...this.#listeners]) listener();
    });
  }

  get problem(): unknown {
    return this.#loader.problem;
  }

  get opened(): boolean {
    return this.#opened;
  }

  seqAt(index: number): number {
    return index + 1;
  }

  indexOf(seq: number): number {
    return Math.min(Math.max(seq - 1, 0), Math.max(this.layout.count - 1, 0));
  }

  look(rows: readonly Row[]): void {
    const [first, last] = [rows[0], rows.at(-1)];
    if (!first || !last) return;
    const end = last.events.at(-1)?.seq ?? last.index + 1;
    this.#loader.want(first.index + 1, end);
  }

  hint(last: number): void {
    this.#loader.hint(last);
  }

  retry(): void {
    this.#loader.retry();
  }

  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  open(): void {
    this.#loader.open();
  }

  close(): void {
    this.#loader.close();
  }

  held(): RunEvent[] {
    return [...this.#loader.cache.events()].sort((one, two) => one.seq - two.seq);
  }

  follow(): void {
    // What is looked at is fetched; nobody has to be told of the end.
  }
}

/** Rows from the top of the list at which more is fetched. */
const NEAR_TOP = 30;

/** The events that pass a filter of the server. */
export class FilteredModel implements ActivityModel {
  #loader: FilteredLoader;
  #layout: Layout;
  #items: readonly RunEvent[] = [];
  #listeners = new Set<() => void>();

  constructor(source: FilteredSource, keep?: (event: RunEvent) => boolean) {
    this.#loader = new FilteredLoader(source, { from: "end", keep });
    this.#layout = this.#laid([]);
    this.#loader.listen(() => {
      this.#take(this.#loader.items);
      for (const listener of [...this.#listeners]) listener();
    });
  }

  #laid(items: readonly RunEvent[]): Layout {
    const layout = new Layout({ count: items.length, at: (index) => items[index] });
    layout.add(0, items.length - 1);
    return layout;
  }

  #take(items: readonly RunEvent[]): void {
    const before = this.#items;
    if (items === before) return;
    const old = this.#layout;
    this.#items = [...items];
    this.#layout = this.#laid(this.#items);
    // What was measured stays as high as it was, wherever it stands now.
    const shift = items.findIndex((event) => event.seq === before[0]?.seq);
    if (shift < 0) return;
    for (let at = 0; at < before.length; at++) {
      const row = at + shift;
      if (this.#layout.leadOf(row) === row && old.leadOf(at) === at) {
        this.#layout.heights.set(row, old.heights.get(at));
      }
    }
  }

  get layout(): Layout {
    return this.#layout;
  }

  get problem(): unknown {
    return this.#loader.problem;
  }

  get opened(): boolean {
    return this.#loader.atEnd || this.#items.length > 0;
  }

  get atStart(): boolean {
    return this.#loader.atStart;
  }

  seqAt(index: number): number {
    return this.#items[index]?.seq ?? 0;
  }

  indexOf(seq: number): number {
    let [low, high] = [0, this.#items.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#items[middle]?.seq ?? 0) <= seq) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  look(rows: readonly Row[]): void {
    const first = rows[0];
    if (first && first.index < NEAR_TOP) this.#loader.earlier();
  }

  hint(last: number): void {
    this.#loader.hint(last);
  }

  retry(): void {
    this.#loader.retry();
  }

  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  open(): void {
    this.#loader.open();
  }

  close(): void {
    this.#loader.close();
  }

  held(): RunEvent[] {
    return [...this.#items];
  }

  follow(on: boolean): void {
    this.#loader.follow = on;
  }
}
