import { type Board, LANES, type Lane, type Place, placeAt, placeOf } from "./lanes";
import type { Direction } from "./navigate";

/** A card that was lifted with the keyboard: where it came from and where it hangs now. */
export type Lift = {
  readonly card: string;
  readonly from: { readonly lane: Lane; readonly index: number };
  readonly lane: Lane;
  /** Its index in the lane, counted without itself. */
  readonly index: number;
};

export function lift(board: Board, card: string): Lift | null {
  const at = placeOf(board, card);
  if (!at) return null;
  const from = { lane: at.lane, index: at.index };
  return { card, from, lane: at.lane, index: at.index };
}

/** Unlike the focus, a lifted card also goes into lanes that are empty. */
export function carry(board: Board, lifted: Lift, direction: Direction): Lift {
  const room = (lane: Lane) => board[lane].filter((card) => card.id !== lifted.card).length;
  switch (direction) {
    case "up":
      return { ...lifted, index: Math.max(0, lifted.index - 1) };
    case "down":
      return { ...lifted, index: Math.min(room(lifted.lane), lifted.index + 1) };
    case "first":
      return { ...lifted, index: 0 };
    case "last":
      return { ...lifted, index: room(lifted.lane) };
    case "left":
    case "right": {
      const step = direction === "left" ? -1 : 1;
      const lane = LANES[LANES.indexOf(lifted.lane) + step];
      return lane ? { ...lifted, lane, index: Math.min(lifted.index, room(lane)) } : lifted;
    }
  }
}

export function placeOfLift(board: Board, lifted: Lift): Place {
  return placeAt(board, lifted.card, lifted.lane, lifted.index);
}

/** "Place 2 of 5", counted as a person counts, with the card itself. */
export function position(board: Board, lifted: Lift): { place: number; of: number } {
  const others = board[lifted.lane].filter((card) => card.id !== lifted.card).length;
  return { place: Math.min(lifted.index, others) + 1, of: others + 1 };
}
