/** Which of the palette's entries fit what was typed, best first. Pure. */

export type PaletteKind = "action" | "page" | "project" | "card" | "run";

export interface PaletteEntry {
  id: string;
  kind: PaletteKind;
  label: string;
  /** Shown beside the label, and searched with less weight. */
  hint?: string;
  also?: string;
}

/** More than one looks through; the right one is found by another word. */
const SHOWN_MAX = 40;
/** With nothing typed: only what there is few of. */
const QUIET: readonly PaletteKind[] = ["action", "page", "project"];
/** Of a title only this much is searched, so that a giant one costs nothing. */
const SEARCHED_MAX = 300;

/** Higher is better; 0 fits not at all. Every word must occur. */
export function score(entry: PaletteEntry, query: string): number {
  const label = entry.label.slice(0, SEARCHED_MAX).toLowerCase();
  const rest = `${entry.hint ?? ""} ${entry.also ?? ""} ${entry.id}`.toLowerCase();
  let sum = 0;
  for (const word of words(query)) {
    const one = Math.max(where(label, word) * 2, where(rest, word));
    if (one === 0) return 0;
    sum += one;
  }
  return sum + (label.startsWith(query.trim().toLowerCase()) ? 4 : 0);
}

function where(text: string, word: string): number {
  const at = text.indexOf(word);
  if (at < 0) return 0;
  if (at === 0) return 4;
  return new RegExp(`[\\s/_:-]${literal(word)}`).test(text) ? 3 : 1;
}

function literal(word: string): string {
  return word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

function words(query: string): string[] {
  return query.toLowerCase().split(/\s+/).filter(Boolean);
}

export function rank<T extends PaletteEntry>(entries: readonly T[], query: string): T[] {
  if (words(query).length === 0) {
    return entries.filter((entry) => QUIET.includes(entry.kind)).slice(0, SHOWN_MAX);
  }
  return entries
    .map((entry, at) => ({ entry, at, points: score(entry, query) }))
    .filter((one) => one.points > 0)
    .sort((a, b) => b.points - a.points || a.at - b.at)
    .slice(0, SHOWN_MAX)
    .map((one) => one.entry);
}

/** In the order of the best of each kind, so that rows of one kind stand together. */
export function grouped<T extends PaletteEntry>(entries: readonly T[]): [PaletteKind, T[]][] {
  const groups = new Map<PaletteKind, T[]>();
  for (const entry of entries) {
    const group = groups.get(entry.kind);
    if (group === undefined) groups.set(entry.kind, [entry]);
    else group.push(entry);
  }
  return [...groups];
}
