import { isProtocol, numberOf, type RunEvent, textOf } from "./event";
import { Heights } from "./heights";

/** Pieces joined into one row: bounds what one row renders. */
const JOINED_MAX = 1_000;
/** Chunks of output joined into one row: what is folded together is also unfolded together. */
const OUTPUT_JOINED_MAX = 40;
/** Tool calls whose first event is remembered, so that later ones are told at its place. */
const TOOLS_MAX = 5_000;

/** Where events come from: by place in the list, not by seq. */
export interface Rows {
  readonly count: number;
  at(index: number): RunEvent | undefined;
}

/** What is drawn as one row. */
export interface Row {
  /** Place of its first event. */
  index: number;
  /** Its events in order; empty while they are not loaded. */
  events: RunEvent[];
}

interface Tool {
  first: number;
  latest: RunEvent;
  latestIndex: number;
}

const NONE = -1;

/** Whether two events that follow each other, as far as a person sees, are one thing said in pieces. */
function continues(before: RunEvent, event: RunEvent): boolean {
  if (before.type !== event.type) return false;
  switch (event.type) {
    case "agent.message":
    case "agent.thought":
      return true;
    case "agent.plan":
    // Said when it is approved, and again when a runner takes it.
    case "run.landing":
      return true;
    case "agent.usage":
      return (numberOf(before, "requests") === null) === (numberOf(event, "requests") === null);
    case "output":
      return (
        textOf(before, "step") === textOf(event, "step") &&
        textOf(before, "stream") === textOf(event, "stream")
      );
    default:
      return false;
  }
}

/**
 * Which events make up which row, and how high the rows are. Fed with what is loaded in whatever
 * order it comes; an event that belongs to an earlier row has no height of its own.
 */
export class Layout {
  readonly heights = new Heights();
  #rows: Rows;
  #showProtocol: boolean;
  /** The place of the row that an event belongs to; NONE when it is not loaded yet. */
  #lead = new Int32Array(0);
  /** The place of the last event that is shown, at or before. */
  #shown = new Int32Array(0);
  #tools = new Map<string, Tool>();
  #made = new Map<number, Row>();
  #late: number[] = [];

  constructor(rows: Rows, showProtocol = false) {
    this.#rows = rows;
    this.#showProtocol = showProtocol;
    this.grow();
  }

  get count(): number {
    return this.heights.count;
  }

  grow(): void {
    const count = this.#rows.count;
    if (count > this.#lead.length) {
      const capacity = Math.max(1024, 2 ** Math.ceil(Math.log2(count)));
      this.#lead = grown(this.#lead, capacity);
      this.#shown = grown(this.#shown, capacity);
    }
    this.heights.grow(count);
  }

  /** Takes in what is loaded from `first` to `last`, and what follows from it for the rows behind. */
  add(first: number, last: number): void {
    this.grow();
    this.#take(first, last);
    // A call that was shown below is told above now: what stood around it may belong together.
    for (let late = this.#late.pop(); late !== undefined; late = this.#late.pop())
      this.#take(late, late);
  }

  #take(first: number, last: number): void {
    for (let index = Math.max(first, 0); index < this.#rows.count; index++) {
      const event = this.#rows.at(index);
      const [lead, shown] = [this.#lead[index], this.#shown[index]];
      if (index > last && (!event || lead === NONE)) return;
      if (!event) continue;
      this.#place(index, event);
      if (index > last && this.#lead[index] === lead && this.#shown[index] === shown) return;
    }
  }

  #place(index: number, event: RunEvent): void {
    const above = index > 0 && this.#lead[index - 1] !== NONE;
    const before = above ? (this.#shown[index - 1] as number) : NONE;
    if (this.#isSilent(index, event)) {
      this.#lead[index] = above ? (this.#lead[index - 1] as number) : index;
      this.#shown[index] = before;
      this.heights.set(index, 0);
      this.#changed(this.#lead[index] as number);
      return;
    }
    const previous = before === NONE ? undefined : this.#rows.at(before);
    const row = before === NONE ? NONE : (this.#lead[before] as number);
    const most = event.type === "output" ? OUTPUT_JOINED_MAX : JOINED_MAX;
    const joined =
      row !== NONE && previous !== undefined && index - row < most && continues(previous, event);
    const was = this.#lead[index] as number;
    // What is above was let go of meanwhile: where this belongs was decided when it was there.
    if (was !== NONE && before !== NONE && !previous) return;
    this.#lead[index] = joined ? row : index;
    this.#shown[index] = index;
    this.#changed(joined ? row : index);
    if (joined) this.heights.set(index, 0);
    // A guess that is near keeps what is below from jumping when it is measured.
    else if (!this.heights.isKnown(index) || was !== index) this.heights.set(index, guess(event));
  }

  /** Whether nothing is shown where this event stands. */
  #isSilent(index: number, event: RunEvent): boolean {
    if (isProtocol(event)) return !this.#showProtocol;
    // What a model has used so far is in the head of the page; in between it only breaks sentences.
    if (event.type === "agent.usage") return numberOf(event, "requests") === null;
    if (event.type !== "agent.tool") return false;
    const id = textOf(event, "id");
    if (id === "") return false;
    const tool = this.#tools.get(id);
    if (!tool) {
      this.#tools.set(id, { first: index, latest: event, latestIndex: index });
      if (this.#tools.size > TOOLS_MAX)
        this.#tools.delete(this.#tools.keys().next().value as string);
      return false;
    }
    if (index > tool.latestIndex) {
      tool.latest = event;
      tool.latestIndex = index;
      this.#changed(tool.first);
    }
    if (index >= tool.first) return index > tool.first;
    const late = tool.first;
    tool.first = index;
    this.#late.push(late);
    return false;
  }

  #changed(lead: number): void {
    this.#made.delete(lead);
  }

  /** The row that shows the event at this place. */
  leadOf(index: number): number {
    const event = this.#rows.at(index);
    if (event?.type === "agent.tool") {
      const tool = this.#tools.get(textOf(event, "id"));
      if (tool) return tool.first;
    }
    const lead = this.#lead[index];
    return lead === undefined || lead === NONE ? index : lead;
  }

  /** The latest state of the tool call that this event is about. */
  toolOf(event: RunEvent): RunEvent {
    return this.#tools.get(textOf(event, "id"))?.latest ?? event;
  }

  /** A row; the same object as long as it shows the same. */
  row(index: number): Row {
    const made = this.#made.get(index);
    // A row whose events were let go of and came again is the same row.
    if (made && (made.events.length > 0 || this.#rows.at(index) === undefined)) return made;
    const events: RunEvent[] = [];
    if (this.#rows.at(index)) {
      for (let at = index; at < this.#rows.count; at++) {
        const event = this.#rows.at(at);
        if (!event || (at > index && this.#lead[at] !== index)) break;
        if (this.#shown[at] === at) events.push(event);
      }
    }
    const row = { index, events };
    if (this.#made.size > 2_000) this.#made.clear();
    this.#made.set(index, row);
    return row;
  }

  /** The rows from one place to another that have a height, at most `most`. */
  between(top: number, bottom: number, most: number): Row[] {
    const rows: Row[] = [];
    if (this.count === 0) return rows;
    let index = this.leadOf(this.heights.find(top));
    while (rows.length < most && index < this.count) {
      rows.push(this.row(index));
      const end = this.heights.offset(index) + this.heights.get(index);
      if (end >= bottom) break;
      const next = this.heights.find(end + 0.01);
      // Behind the last row with a height there is nothing, whatever the list still holds.
      if (next <= index || this.heights.get(next) === 0) break;
      index = next;
    }
    return rows;
  }

  /** The last rows, from this place on at most, and at most `most`. */
  ending(top: number, most: number): Row[] {
    const rows: Row[] = [];
    if (this.count === 0) return rows;
    let index = this.leadOf(this.heights.find(this.heights.total - 0.01));
    while (rows.length < most) {
      rows.push(this.row(index));
      const start = this.heights.offset(index);
      if (start <= top || start <= 0) break;
      const before = this.leadOf(this.heights.find(start - 0.01));
      if (before >= index) break;
      index = before;
    }
    return rows.reverse();
  }
}

function grown(array: Int32Array, capacity: number): Int32Array<ArrayBuffer> {
  const bigger = new Int32Array(capacity).fill(NONE);
  bigger.set(array);
  return bigger;
}

/** Heights as the styles make them: a head line, and lines of text at about 90 characters. */
function guess(event: RunEvent): number {
  if (event.type === "agent.message") return 36 + 20 * Math.ceil(textOf(event, "text").length / 90);
  if (event.type === "output") return 60;
  return 32;
}
