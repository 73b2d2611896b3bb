import { useCallback, useMemo, useRef, useState } from "react";
import type { Place } from "./lanes";
import { type Board, put } from "./lanes";
import { type Lift, placeOfLift } from "./lift";

export type Drag = { readonly card: string; readonly target: (Place & { line: number }) | null };

/** What a person's hand does on the board: where the focus is, what is lifted, what is dragged. */
export function useHand(live: Board) {
  const [current, setCurrent] = useState<string | null>(null);
  const [wanted, setWanted] = useState<{ id: string; nth: number } | null>(null);
  const [lifted, setLifted] = useState<Lift | null>(null);
  const [drag, setDrag] = useState<Drag | null>(null);
  const frozen = useRef<Board | null>(null);
  const nth = useRef(0);

  // What is held must not move under the hand: news from others are shown after the drop.
  if (lifted === null && drag === null) frozen.current = null;
  else frozen.current ??= live;
  const still = frozen.current ?? live;
  const shown = useMemo(
    () => (lifted ? put(still, lifted.card, placeOfLift(still, lifted)) : still),
    [still, lifted],
  );

  const focus = useCallback((id: string | null) => {
    nth.current += 1;
    setCurrent(id);
    setWanted(id === null ? null : { id, nth: nth.current });
  }, []);
  const onFocused = useCallback(() => setWanted(null), []);

  return {
    current,
    setCurrent,
    wanted,
    focus,
    onFocused,
    lifted,
    setLifted,
    drag,
    setDrag,
    /** The board without what the hand does to it. */
    still,
    /** The board as it is drawn. */
    shown,
  };
}

export type HandState = ReturnType<typeof useHand>;
