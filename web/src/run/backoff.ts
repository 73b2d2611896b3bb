/** First and longest wait before something that failed is tried again. */
const FIRST_MS = 500;
const LONGEST_MS = 15_000;

/** How long to wait after the given number of failures in a row; half of it is chance, so that not all come back at once. */
export function backoff(failures: number, chance: number): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.max(0, failures - 1));
  return full / 2 + (full / 2) * chance;
}

/** What the loaders need of the world, so that tests can play it. */
export interface World {
  /** Calls later; gives the way to call it off. */
  later(run: () => void, ms: number): () => void;
  /** From 0 to 1. */
  chance(): number;
}

export const browser: World = {
  later(run, ms) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  chance: Math.random,
};
