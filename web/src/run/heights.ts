/** What is assumed of rows that nobody has measured or estimated yet, in pixels. */
const FIRST_ESTIMATE = 30;

/**
 * Heights of a long list of rows: prefix sums in a Fenwick tree, so that 100,000 rows cost
 * seventeen steps a question. A row that is not known has the average of those that are.
 */
export class Heights {
  #known = new Float64Array(0);
  #sums = new Float64Array(1);
  #unknown = new Int32Array(1);
  #count = 0;
  #capacity = 0;
  #estimate = FIRST_ESTIMATE;
  #knownSum = 0;
  #knownCount = 0;

  get count(): number {
    return this.#count;
  }

  /** Makes the list longer; it never becomes shorter. */
  grow(count: number): void {
    if (count <= this.#count) return;
    if (count > this.#capacity) this.#reserve(count);
    this.#count = count;
  }

  #reserve(count: number): void {
    const capacity = Math.max(1024, 2 ** Math.ceil(Math.log2(count)));
    const known = new Float64Array(capacity).fill(-1);
    known.set(this.#known);
    this.#known = known;
    this.#capacity = capacity;
    this.#sums = new Float64Array(capacity + 1);
    this.#unknown = new Int32Array(capacity + 1);
    for (let at = 1; at <= capacity; at++) {
      const height = known[at - 1] as number;
      this.#sums[at] = (this.#sums[at] as number) + Math.max(height, 0);
      this.#unknown[at] = (this.#unknown[at] as number) + (height < 0 ? 1 : 0);
      const up = at + (at & -at);
      if (up <= capacity) {
        this.#sums[up] = (this.#sums[up] as number) + (this.#sums[at] as number);
        this.#unknown[up] = (this.#unknown[up] as number) + (this.#unknown[at] as number);
      }
    }
  }

  isKnown(index: number): boolean {
    return (this.#known[index] ?? -1) >= 0;
  }

  get(index: number): number {
    const height = this.#known[index] ?? -1;
    return height < 0 ? this.#estimate : height;
  }

  /** Says how high a row is. True when that is news. */
  set(index: number, height: number): boolean {
    const before = this.#known[index];
    if (before === undefined || index >= this.#count || before === height) return false;
    const first = before < 0;
    const delta = height - (first ? 0 : before);
    this.#known[index] = height;
    this.#knownSum += delta;
    if (first) this.#knownCount++;
    for (let at = index + 1; at <= this.#capacity; at += at & -at) {
      this.#sums[at] = (this.#sums[at] as number) + delta;
      if (first) this.#unknown[at] = (this.#unknown[at] as number) - 1;
    }
    return true;
  }

  /**
   * Takes the average of the known rows for the others. Not done by itself: the caller holds what
   * is on the screen in its place while all that is not moves.
   */
  settle(): boolean {
    if (this.#knownCount === 0) return false;
    const estimate = Math.max(1, this.#knownSum / this.#knownCount);
    if (Math.abs(estimate - this.#estimate) < this.#estimate / 8) return false;
    this.#estimate = estimate;
    return true;
  }

  /** Where a row begins. */
  offset(index: number): number {
    let sum = 0;
    let unknown = 0;
    for (let at = Math.min(index, this.#count); at > 0; at -= at & -at) {
      sum += this.#sums[at] as number;
      unknown += this.#unknown[at] as number;
    }
    return sum + unknown * this.#estimate;
  }

  get total(): number {
    return this.offset(this.#count);
  }

  /** The row at this place; rows without height are passed over. */
  find(offset: number): number {
    if (this.#count === 0) return 0;
    let index = 0;
    let left = Math.max(0, offset);
    for (let step = this.#capacity; step > 0; step >>= 1) {
      const at = index + step;
      if (at > this.#capacity) continue;
      const height = (this.#sums[at] as number) + (this.#unknown[at] as number) * this.#estimate;
      if (height <= left) {
        index = at;
        left -= height;
      }
    }
    return Math.min(index, this.#count - 1);
  }
}
