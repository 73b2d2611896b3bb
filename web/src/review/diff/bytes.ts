/** Bytes that grow by doubling: a stream does not say how long it will be. */
export class GrowingBytes {
  bytes: Uint8Array;
  length = 0;

  constructor(expected = 64 * 1024) {
    this.bytes = new Uint8Array(Math.max(expected, 1024));
  }

  push(chunk: Uint8Array): void {
    const wanted = this.length + chunk.length;
    if (wanted > this.bytes.length) {
      const grown = new Uint8Array(Math.max(wanted, this.bytes.length * 2));
      grown.set(this.bytes.subarray(0, this.length));
      this.bytes = grown;
    }
    this.bytes.set(chunk, this.length);
    this.length = wanted;
  }

  /** What was taken, without the room that is left over. */
  finish(): Uint8Array {
    return this.bytes.length === this.length ? this.bytes : this.bytes.slice(0, this.length);
  }
}
