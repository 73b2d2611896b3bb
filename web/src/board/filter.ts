import { type Board, type Card, emptyBoard, LANES } from "./lanes";
import { isFailed, isLive, waits } from "./state";

/** Which cards a person wants to see. Lives in the address, so a filtered board can be sent to someone. */
export const ONLY = ["waiting", "running", "failed", "blocked"] as const;
export type Only = (typeof ONLY)[number];

export type Filter = {
  readonly q: string;
  readonly only: Only | null;
};

/** What is asked of the search: no one types more, and the address stays short enough to send. */
export const QUERY_MAX = 200;

export const everything: Filter = { q: "", only: null };

export function isFiltering(filter: Filter): boolean {
  return words(filter.q).length > 0 || filter.only !== null;
}

/** Letters without case and marks: what a person finds who types `resume` for `Résumé`. */
export function fold(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .toLowerCase()
    .replaceAll("ß", "ss")
    .replaceAll("ı", "i");
}

export function words(q: string): string[] {
  return fold(q.slice(0, QUERY_MAX)).split(/\s+/).filter(Boolean);
}

/** Folding a body of a megabyte is not done anew for each key that is pressed. */
const folded = new WeakMap<Card, string>();

function haystack(card: Card): string {
  const known = folded.get(card);
  if (known !== undefined) return known;
  const text = fold(`${card.title}\n${card.body}\n${card.id}`);
  folded.set(card, text);
  return text;
}

export function matcher(filter: Filter): (card: Card) => boolean {
  const wanted = words(filter.q);
  return (card) => isOf(card, filter.only) && wanted.every((word) => haystack(card).includes(word));
}

function isOf(card: Card, only: Only | null): boolean {
  switch (only) {
    case null:
      return true;
    case "waiting":
      return waits(card);
    case "running":
      return isLive(card.run_state) && !waits(card);
    case "failed":
      return isFailed(card);
    case "blocked":
      return card.unmet.length > 0;
  }
}

/** The board of the cards that match, and how many do not. */
export function filtered(board: Board, filter: Filter): { board: Board; hidden: number } {
  if (!isFiltering(filter)) return { board, hidden: 0 };
  const matches = matcher(filter);
  const kept = emptyBoard();
  let hidden = 0;
  for (const lane of LANES) {
    kept[lane] = board[lane].filter(matches);
    hidden += board[lane].length - kept[lane].length;
  }
  return { board: kept, hidden };
}

/** How many cards each of the filters would show. */
export function tally(board: Board): Record<Only, number> {
  const count = { waiting: 0, running: 0, failed: 0, blocked: 0 };
  for (const lane of LANES) {
    for (const card of board[lane]) {
      for (const only of ONLY) if (isOf(card, only)) count[only] += 1;
    }
  }
  return count;
}
