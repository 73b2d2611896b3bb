import {
  type DragStartEvent,
  MouseSensor,
  TouchSensor,
  useSensor,
  useSensors,
} from "@dnd-kit/core";
import { useCallback, useEffect, useRef } from "react";
import { dropAt, type LaneBox, laneAt } from "./drop";
import { LANES, type Lane, type Place } from "./lanes";
import type { HandState } from "./use-hand";

/** A press that moves less is a click. In pixels. */
const CLICK_SLOP = 6;
/** A finger that rests so long lifts a card; one that moves before scrolls. In milliseconds. */
const TOUCH_DELAY = 220;

/** Dragging with mouse and finger. Where a card would go is computed from where the pointer is. */
export function usePointerDrag(
  hand: HandState,
  pitch: number,
  move: (id: string, place: Place) => void,
) {
  const lists = useRef(new Map<Lane, HTMLElement>());
  const point = useRef<{ x: number; y: number } | null>(null);
  const state = useRef(hand);
  state.current = hand;
  const dragging = hand.drag !== null;

  const register = useCallback((lane: Lane, list: HTMLElement | null) => {
    if (list) lists.current.set(lane, list);
    else lists.current.delete(lane);
  }, []);

  const aim = useCallback(() => {
    const { drag, still, setDrag } = state.current;
    const box = point.current && laneAt(boxes(lists.current), point.current.x);
    if (!drag || !box || !point.current) return;
    const target = dropAt(still, box, point.current.y, pitch);
    const same = drag.target?.lane === target.lane && drag.target.line === target.line;
    if (!same) setDrag({ card: drag.card, target });
  }, [pitch]);

  useEffect(() => {
    if (!dragging) return;
    const follow = (event: PointerEvent | TouchEvent) => {
      const at = "touches" in event ? event.touches[0] : event;
      if (at) point.current = { x: at.clientX, y: at.clientY };
      aim();
    };
    // A click on a link that has just been dropped would open it.
    const swallow = (event: MouseEvent) => event.preventDefault();
    const options = { passive: true, capture: true };
    addEventListener("pointermove", follow, options);
    addEventListener("touchmove", follow, options);
    addEventListener("scroll", aim, options);
    addEventListener("click", swallow, { capture: true });
    return () => {
      removeEventListener("pointermove", follow, options);
      removeEventListener("touchmove", follow, options);
      removeEventListener("scroll", aim, options);
      // The click follows the release.
      setTimeout(() => removeEventListener("click", swallow, { capture: true }), 50);
    };
  }, [dragging, aim]);

  const sensors = useSensors(
    useSensor(MouseSensor, { activationConstraint: { distance: CLICK_SLOP } }),
    useSensor(TouchSensor, { activationConstraint: { delay: TOUCH_DELAY, tolerance: 8 } }),
  );
  return {
    register,
    sensors,
    onDragStart(event: DragStartEvent) {
      point.current = pointOf(event.activatorEvent);
      hand.setLifted(null);
      hand.setCurrent(String(event.active.id));
      hand.setDrag({ card: String(event.active.id), target: null });
    },
    onDragEnd() {
      const { drag } = state.current;
      hand.setDrag(null);
      if (drag?.target) move(drag.card, { lane: drag.target.lane, before: drag.target.before });
    },
    onDragCancel() {
      hand.setDrag(null);
    },
  };
}

function boxes(lists: ReadonlyMap<Lane, HTMLElement>): LaneBox[] {
  return LANES.flatMap((lane) => {
    const rect = lists.get(lane)?.getBoundingClientRect();
    return rect ? [{ lane, left: rect.left, right: rect.right, start: rect.top }] : [];
  });
}

function pointOf(event: Event): { x: number; y: number } | null {
  if (event instanceof MouseEvent) return { x: event.clientX, y: event.clientY };
  const touch = "touches" in event ? (event as TouchEvent).touches[0] : undefined;
  return touch ? { x: touch.clientX, y: touch.clientY } : null;
}
