import { type Board, LANES, type Lane } from "./lanes";

export type Direction = "up" | "down" | "left" | "right" | "first" | "last";

const KEYS: Readonly<Record<string, Direction>> = {
  ArrowUp: "up",
  ArrowDown: "down",
  ArrowLeft: "left",
  ArrowRight: "right",
  k: "up",
  j: "down",
  h: "left",
  l: "right",
  Home: "first",
  End: "last",
};

export function directionOf(key: string): Direction | null {
  return KEYS[key] ?? null;
}

/** The card to go to from this one; itself at an edge. Lanes without cards are passed over. */
export function next(board: Board, id: string | null, direction: Direction): string | null {
  const at = id === null ? null : find(board, id);
  if (!at) return firstCard(board);
  const cards = board[at.lane];
  switch (direction) {
    case "up":
      return cards[Math.max(0, at.index - 1)]?.id ?? null;
    case "down":
      return cards[Math.min(cards.length - 1, at.index + 1)]?.id ?? null;
    case "first":
      return cards[0]?.id ?? null;
    case "last":
      return cards[cards.length - 1]?.id ?? null;
    case "left":
    case "right":
      return beside(board, at, direction === "left" ? -1 : 1) ?? id;
  }
}

/**
 * The card that takes the focus when this one leaves the board: the one below, else above, else the first of all.
 * `before` is the board while the card was on it.
 */
export function heir(before: Board, after: Board, id: string): string | null {
  const at = find(before, id);
  if (at) {
    const left = before[at.lane].filter((card) => card.id === id || find(after, card.id));
    const index = left.findIndex((card) => card.id === id);
    const candidate = left[index + 1] ?? left[index - 1];
    if (candidate) return candidate.id;
  }
  return firstCard(after);
}

export function firstCard(board: Board): string | null {
  for (const lane of LANES) if (board[lane][0]) return board[lane][0].id;
  return null;
}

function beside(board: Board, at: { lane: Lane; index: number }, step: 1 | -1): string | null {
  for (let n = LANES.indexOf(at.lane) + step; n >= 0 && n < LANES.length; n += step) {
    const cards = board[LANES[n] as Lane];
    if (cards.length > 0) return cards[Math.min(at.index, cards.length - 1)]?.id ?? null;
  }
  return null;
}

function find(board: Board, id: string): { lane: Lane; index: number } | null {
  for (const lane of LANES) {
    const index = board[lane].findIndex((card) => card.id === id);
    if (index >= 0) return { lane, index };
  }
  return null;
}
