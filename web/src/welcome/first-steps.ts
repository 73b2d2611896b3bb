/** Whether a person wants to see the first steps; kept in this browser. */
export type Wish = "auto" | "shown" | "hidden";

const KEY = "freehold.first-steps";

export function firstStepsWish(store: Storage | null = browserStore()): Wish {
  try {
    const kept = store?.getItem(KEY);
    return kept === "shown" || kept === "hidden" ? kept : "auto";
  } catch {
    return "auto";
  }
}

/** They are shown until they are closed, also when the last one is done on another page. */
export function showFirstSteps(store: Storage | null = browserStore()): void {
  keep(store, "shown");
}

export function hideFirstSteps(store: Storage | null = browserStore()): void {
  keep(store, "hidden");
}

function keep(store: Storage | null, wish: Wish): void {
  try {
    store?.setItem(KEY, wish);
  } catch {
    // Forbidden or full: they are shown again next time, which does no harm.
  }
}

function browserStore(): Storage | null {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null;
  }
}

/** Whether the start page shows them: unless closed, as long as nothing has landed; after that on wish. */
export function showsFirstSteps(wish: Wish, landed: boolean): boolean {
  return wish === "shown" || (wish === "auto" && !landed);
}
