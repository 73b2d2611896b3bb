import type { Change, Pending } from "./pending";

/**
 * Sends changes one after the other, in the order in which they were made: a card is put in front of another
 * one that may have been moved a moment before. When a change is refused, later ones of the same card rest on
 * something that did not happen, and are given up with it.
 */
export class Queue<T> {
  private tail: Promise<unknown> = Promise.resolve();
  private readonly waiting = new Map<string, number>();
  private readonly failed = new Set<string>();

  constructor(private readonly send: (change: Change) => Promise<T>) {}

  /** Settles as the server answers; `Dropped` when an earlier change of the card was refused. */
  push({ change }: Pending): Promise<T> {
    this.waiting.set(change.card, (this.waiting.get(change.card) ?? 0) + 1);
    const turn = this.tail.then(() => this.run(change));
    this.tail = turn.catch(() => undefined);
    return turn;
  }

  private async run(change: Change): Promise<T> {
    try {
      if (this.failed.has(change.card)) throw new Dropped();
      return await this.send(change);
    } catch (error) {
      this.failed.add(change.card);
      throw error;
    } finally {
      const left = (this.waiting.get(change.card) ?? 1) - 1;
      if (left > 0) this.waiting.set(change.card, left);
      else {
        this.waiting.delete(change.card);
        this.failed.delete(change.card);
      }
    }
  }
}

/** Not sent, because what it rests on was refused. */
export class Dropped extends Error {
  override readonly name = "Dropped";
}
