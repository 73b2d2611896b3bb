import type { Lines } from "./types";

/** The index of lines while it grows. */
export class GrowingLines implements Lines {
  count = 0;
  from = new Uint32Array(4096);
  to = new Uint32Array(4096);
  oldNumber = new Uint32Array(4096);
  newNumber = new Uint32Array(4096);
  flags = new Uint8Array(4096);

  add(from: number, to: number, oldNumber: number, newNumber: number, flags: number): void {
    if (this.count === this.from.length) this.#resize(this.count * 2);
    const at = this.count++;
    this.from[at] = from;
    this.to[at] = to;
    this.oldNumber[at] = oldNumber;
    this.newNumber[at] = newNumber;
    this.flags[at] = flags;
  }

  flagLast(flag: number): void {
    if (this.count > 0) this.flags[this.count - 1] = (this.flags[this.count - 1] as number) | flag;
  }

  finish(): Lines {
    this.#resize(this.count);
    const { count, from, to, oldNumber, newNumber, flags } = this;
    return { count, from, to, oldNumber, newNumber, flags };
  }

  #resize(length: number): void {
    this.from = copy(this.from, new Uint32Array(length));
    this.to = copy(this.to, new Uint32Array(length));
    this.oldNumber = copy(this.oldNumber, new Uint32Array(length));
    this.newNumber = copy(this.newNumber, new Uint32Array(length));
    this.flags = copy(this.flags, new Uint8Array(length));
  }
}

function copy<T extends Uint32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>>(old: T, now: T): T {
  now.set(old.length > now.length ? old.subarray(0, now.length) : old);
  return now;
}
