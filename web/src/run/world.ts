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
