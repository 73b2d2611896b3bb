import { now, onLeap } from "../lib/clock";

/** One timer for every time on the page, and none while nobody looks. */
class Ticker {
  private readonly listeners = new Set<() => void>();
  private timer: ReturnType<typeof setInterval> | undefined;
  private present = now();
  private unleap: (() => void) | undefined;

  constructor(private readonly every: number) {}

  readonly read = (): number => this.present;

  readonly subscribe = (listener: () => void): (() => void) => {
    if (this.listeners.size === 0) {
      this.present = now();
      this.unleap = onLeap(this.tick);
      if (this.every > 0) this.timer = setInterval(this.tick, this.every);
    }
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size > 0) return;
      clearInterval(this.timer);
      this.unleap?.();
    };
  };

  private readonly tick = (): void => {
    if (typeof document !== "undefined" && document.hidden) return;
    this.present = now();
    for (const listener of this.listeners) listener();
  };
}

export const ticker = {
  /** For ages: "5 min ago". */
  slow: new Ticker(15_000),
  /** For what is going on: seconds. */
  fast: new Ticker(1_000),
  /** For what has ended. */
  still: new Ticker(0),
} as const;
