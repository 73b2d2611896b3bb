import type { Board, Lane, Place } from "./lanes";

/** A lane's list as it lies on the screen, in pixels. Cards are all of one height, so places are arithmetic. */
export type LaneBox = {
  readonly lane: Lane;
  readonly left: number;
  readonly right: number;
  /** Where the first card begins, with what is scrolled away counted in: negative when it is above the screen. */
  readonly start: number;
};

/** The lane under the pointer; beside all of them, the nearest. */
export function laneAt(boxes: readonly LaneBox[], x: number): LaneBox | null {
  let best: LaneBox | null = null;
  let distance = Number.POSITIVE_INFINITY;
  for (const box of boxes) {
    const away = x < box.left ? box.left - x : x > box.right ? x - box.right : 0;
    if (away < distance) [best, distance] = [box, away];
  }
  return best;
}

/**
 * Where a card goes that is let go at this height: in front of the first card whose middle is below.
 * `line` is where the mark is drawn, as an index into the lane as it is shown.
 */
export function dropAt(
  board: Board,
  box: LaneBox,
  y: number,
  pitch: number,
): Place & { line: number } {
  const cards = board[box.lane];
  const line = Math.min(cards.length, Math.max(0, Math.round((y - box.start) / pitch)));
  return { lane: box.lane, before: cards[line]?.id ?? null, line };
}
