import { type Card, LANES, type Lane } from "../api";

export { type Card, LANES, type Lane };

export type Board = Readonly<Record<Lane, readonly Card[]>>;

/** A place on the board: in front of a card of that lane, or at its end. */
export type Place = { readonly lane: Lane; readonly before: string | null };

/** Rising rank; cards of one rank keep the order in which they were made (ids rise with time). */
export function byRank(a: Card, b: Card): number {
  return a.rank - b.rank || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

/** The cards of each lane in their order. A card in a lane that this page does not know stands in the first. */
export function toBoard(cards: Iterable<Card>): Board {
  const board = emptyBoard();
  for (const card of cards) (board[card.lane] ?? board.Backlog).push(card);
  for (const lane of LANES) board[lane].sort(byRank);
  return board;
}

export function emptyBoard(): Record<Lane, Card[]> {
  return { Backlog: [], Planning: [], Build: [], Test: [], Review: [], Done: [] };
}

/** Where the card stands, or null when it is not on the board. */
export function placeOf(board: Board, id: string): (Place & { index: number }) | null {
  for (const lane of LANES) {
    const index = board[lane].findIndex((card) => card.id === id);
    if (index >= 0) return { lane, index, before: board[lane][index + 1]?.id ?? null };
  }
  return null;
}

/**
 * The board with the card put there. The end of the lane where `before` does not stand in it
 * (any more), which is what the server does too.
 */
export function put(board: Board, id: string, place: Place): Board {
  const at = placeOf(board, id);
  const card = at && board[at.lane][at.index];
  if (!at || !card || place.before === id) return board;
  const left = board[at.lane].filter((other) => other.id !== id);
  const target = at.lane === place.lane ? left : board[place.lane].slice();
  const before =
    place.before === null ? -1 : target.findIndex((other) => other.id === place.before);
  target.splice(before < 0 ? target.length : before, 0, { ...card, lane: place.lane });
  return { ...board, [at.lane]: left, [place.lane]: target };
}

/** The board without the card. */
export function without(board: Board, id: string): Board {
  const at = placeOf(board, id);
  return at ? { ...board, [at.lane]: board[at.lane].filter((card) => card.id !== id) } : board;
}

/** The place that is the `index`th of the lane, counted without the card itself. */
export function placeAt(board: Board, id: string, lane: Lane, index: number): Place {
  const others = board[lane].filter((card) => card.id !== id);
  return { lane, before: others[Math.max(0, index)]?.id ?? null };
}

export function isLane(value: unknown): value is Lane {
  return LANES.some((lane) => lane === value);
}
