import type { RunEvent } from "../event";
import type { World } from "../world";

/** A world whose time passes when the test says so. */
export class StillWorld implements World {
  #timers = new Set<() => void>();
  #chance: () => number;

  constructor(chance: () => number = () => 0.5) {
    this.#chance = chance;
  }

  later(run: () => void): () => void {
    const timer = () => {
      this.#timers.delete(timer);
      run();
    };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  chance(): number {
    return this.#chance();
  }

  get timers(): number {
    return this.#timers.size;
  }

  /** Lets all waits be over. */
  pass(): void {
    for (const timer of [...this.#timers]) timer();
  }
}

interface Pending {
  after: number;
  limit: number;
  answer(): void;
  fail(): void;
}

/** A server with one run, whose answers come when the test says so and are as short as it likes. */
export class FakeRun {
  last = 0;
  pending: Pending[] = [];
  asked: [number, number][] = [];
  /** How many events an answer holds at most: the API cuts by size. */
  most = () => Number.POSITIVE_INFINITY;
  event = (seq: number): RunEvent => ({
    seq,
    ts: new Date(seq * 1000).toISOString(),
    type: "note",
    payload: { text: `event ${seq}` },
  });

  fetch = (after: number, limit: number, signal: AbortSignal): Promise<RunEvent[]> => {
    this.asked.push([after, limit]);
    return new Promise((resolve, reject) => {
      const pending: Pending = {
        after,
        limit,
        answer: () => {
          this.#done(pending);
          const count = Math.max(0, Math.min(limit, this.last - after, this.most()));
          resolve(Array.from({ length: count }, (_, at) => this.event(after + 1 + at)));
        },
        fail: () => {
          this.#done(pending);
          reject(new Error("away"));
        },
      };
      this.pending.push(pending);
      signal.addEventListener("abort", () => {
        this.#done(pending);
        reject(new DOMException("aborted", "AbortError"));
      });
    });
  };

  #done(pending: Pending): void {
    this.pending = this.pending.filter((other) => other !== pending);
  }
}

/** Lets what was promised be heard. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await Promise.resolve();
}
