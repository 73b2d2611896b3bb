/** What a browser keeps of a review: drafts and viewed marks, per run, bounded. */

import { type Drafts, isEmpty, NO_DRAFTS, readDrafts } from "./drafts";
import { readViewed, type Viewed } from "./viewed";

export interface Store {
  length: number;
  key(index: number): string | null;
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export interface Kept {
  drafts: Drafts;
  viewed: Viewed;
}

const PREFIX = "freehold.review.";
/** Reviews that are kept; the oldest without a draft goes first. */
export const REVIEWS_MAX = 60;

export function readKept(store: Store | null, run: string): Kept {
  try {
    const found: unknown = JSON.parse(store?.getItem(PREFIX + run) ?? "null");
    const { drafts, viewed } = (found ?? {}) as Record<string, unknown>;
    return { drafts: readDrafts(drafts), viewed: readViewed(viewed) };
  } catch {
    // Unreadable: another program wrote there, or storage is forbidden.
    return { drafts: NO_DRAFTS, viewed: {} };
  }
}

/** False where the browser would not keep it: the page then says that a reload loses it. */
export function writeKept(store: Store | null, run: string, kept: Kept, now: number): boolean {
  if (!store) return isEmpty(kept.drafts);
  const text = JSON.stringify({ at: now, ...kept });
  for (let tries = 0; tries < 3; tries++) {
    try {
      store.setItem(PREFIX + run, text);
      prune(store, REVIEWS_MAX);
      return true;
    } catch {
      // Full: what was viewed long ago is worth less than a draft.
      if (prune(store, 5) === 0) return false;
    }
  }
  return false;
}

/** Removes the oldest reviews without drafts beyond `keep`; gives how many it removed. */
function prune(store: Store, keep: number): number {
  const found: { key: string; at: number; drafts: boolean }[] = [];
  for (let index = 0; index < store.length; index++) {
    const key = store.key(index);
    if (key?.startsWith(PREFIX)) found.push({ key, ...ageOf(store.getItem(key)) });
  }
  const removable = found.filter((one) => !one.drafts).sort((a, b) => a.at - b.at);
  const gone = removable.slice(0, Math.max(0, found.length - keep));
  for (const { key } of gone) store.removeItem(key);
  return gone.length;
}

function ageOf(text: string | null): { at: number; drafts: boolean } {
  try {
    const found = JSON.parse(text ?? "null") as { at?: unknown; drafts?: unknown };
    const at = typeof found?.at === "number" ? found.at : 0;
    return { at, drafts: !isEmpty(readDrafts(found?.drafts)) };
  } catch {
    return { at: 0, drafts: false };
  }
}
