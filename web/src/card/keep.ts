/**
 * What a person typed and has not sent, kept in this browser: it outlives a reload, a crash and a
 * session that ended. Storage that is full or forbidden makes it weaker, never an error.
 */
const PREFIX = "freehold.kept.";

/** Browsers give about 5 MB to everything; a draft that is larger stays in the page only. */
export const KEEP_MAX = 1_000_000;

export type Keep = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export function keep(storage: Keep | null, name: string, value: unknown): boolean {
  try {
    const text = JSON.stringify(value);
    if (!storage || text.length > KEEP_MAX) return false;
    storage.setItem(PREFIX + name, text);
    return true;
  } catch {
    return false;
  }
}

/** What was kept, if it still has the shape that is asked for. */
export function kept<T>(
  storage: Keep | null,
  name: string,
  is: (value: unknown) => value is T,
): T | null {
  try {
    const text = storage?.getItem(PREFIX + name);
    if (!text) return null;
    const value: unknown = JSON.parse(text);
    return is(value) ? value : null;
  } catch {
    return null;
  }
}

export function forget(storage: Keep | null, name: string): void {
  try {
    storage?.removeItem(PREFIX + name);
  } catch {
    // Forbidden storage holds nothing to forget.
  }
}

export function browserStorage(): Keep | null {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null;
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
