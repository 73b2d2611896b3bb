import { fold, words } from "../board/filter";
import type { Card } from "../board/lanes";

/** Choices shown at once; a search narrows them sooner than scrolling does. */
export const CHOICES_MAX = 20;

/** Cards that could be depended on: not itself, not those that are already. */
export function choices(
  cards: readonly Card[],
  self: string | null,
  depends: readonly string[],
  q: string,
): Card[] {
  const taken = new Set(depends);
  const wanted = words(q);
  const found: Card[] = [];
  for (const card of cards) {
    if (card.id === self || taken.has(card.id) || card.archived_at !== null) continue;
    const text = fold(`${card.title}\n${card.id}`);
    if (!wanted.every((word) => text.includes(word))) continue;
    found.push(card);
    if (found.length === CHOICES_MAX) break;
  }
  return found;
}

/** Cards that depend on this one, for "what waits for it". */
export function dependents(cards: readonly Card[], id: string): Card[] {
  return cards.filter((card) => card.depends.includes(id));
}
