/** Every card has one height, whatever it says: nothing jumps when a run begins, and places are arithmetic. In rem. */
export const CARD_REM = 5.125;
export const GAP_REM = 0.5;

/** Lanes with more cards draw those that can be seen only. */
export const WHOLE_MAX = 60;

/** From one card's top to the next one's, in pixels, at the person's own font size. */
export function pitch(): number {
  return (CARD_REM + GAP_REM) * rem();
}

export function rem(): number {
  const size = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  return Number.isFinite(size) && size > 0 ? size : 16;
}
