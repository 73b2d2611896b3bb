import { type KeyboardEvent, useCallback, useRef } from "react";
import { truncate } from "../lib/text";
import { board as say } from "../strings/board";
import type { CardActions } from "./card-menu";
import { type Card, type Place, placeOf } from "./lanes";
import { carry, type Lift, lift, placeOfLift, position } from "./lift";
import { directionOf, next } from "./navigate";
import type { HandState } from "./use-hand";

interface Options {
  hand: HandState;
  actions: CardActions;
  fixed: boolean;
  move: (id: string, place: Place) => void;
  announce: (words: string) => void;
  toggle: (id: string) => void;
  clear: () => void;
  openMenu: (id: string) => void;
}

/** The keys of a card that has the focus. What is typed elsewhere on the board is not ours. */
export function useBoardKeys(options: Options) {
  const latest = useRef(options);
  latest.current = options;
  return useCallback((event: KeyboardEvent<HTMLElement>) => {
    const { hand } = latest.current;
    const id = cardOf(event.target);
    if (
      id === null ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      event.nativeEvent.isComposing
    ) {
      return;
    }
    const taken = hand.lifted
      ? lifting(latest.current, hand.lifted, event)
      : resting(latest.current, id, event);
    if (!taken) return;
    event.preventDefault();
    event.stopPropagation();
  }, []);
}

/** The card whose link has the focus; null inside its menu or anywhere else. */
function cardOf(target: EventTarget): string | null {
  if (!(target instanceof Element) || !target.matches("[data-card-link]")) return null;
  return target.closest("[data-card]")?.getAttribute("data-card") ?? null;
}

function resting(options: Options, id: string, event: KeyboardEvent): boolean {
  const { hand, actions, fixed } = options;
  const direction = directionOf(event.key);
  if (direction) {
    hand.focus(next(hand.shown, id, direction));
    return true;
  }
  if (event.key === "x") options.toggle(id);
  else if (event.key === "Escape") options.clear();
  else if (event.key === "m" && !fixed) options.openMenu(id);
  else if (event.key === "s" && !fixed) actions.start?.(id);
  else if (event.key === "e" && !fixed) actions.edit?.(id);
  else if (event.key === "#" && !fixed) actions.archive?.(id);
  else if (event.key === " ") {
    const begun = fixed || actions.moveTo === null ? null : lift(hand.still, id);
    if (begun) take(options, begun);
  } else return false;
  return true;
}

function take({ hand, announce }: Options, begun: Lift) {
  hand.setLifted(begun);
  const { place, of } = position(hand.still, begun);
  announce(say.drag.lifted(title(hand, begun), begun.lane, place, of));
}

function lifting(options: Options, lifted: Lift, event: KeyboardEvent): boolean {
  const { hand, announce } = options;
  const direction = directionOf(event.key);
  if (direction) {
    const carried = carry(hand.still, lifted, direction);
    const { place, of } = position(hand.still, carried);
    hand.setLifted(carried);
    hand.focus(lifted.card);
    announce(say.drag.over(carried.lane, place, of));
    return true;
  }
  switch (event.key) {
    case " ":
    case "Enter": {
      const { place, of } = position(hand.still, lifted);
      options.move(lifted.card, placeOfLift(hand.still, lifted));
      announce(say.drag.dropped(title(hand, lifted), lifted.lane, place, of));
      hand.setLifted(null);
      hand.focus(lifted.card);
      return true;
    }
    case "Escape":
      announce(say.drag.cancelled(title(hand, lifted), lifted.from.lane));
      hand.setLifted(null);
      hand.focus(lifted.card);
      return true;
    default:
      // Tab would leave the card hanging in the air; letters mean nothing now.
      return event.key === "Tab" || event.key.length === 1;
  }
}

function title(hand: HandState, lifted: Lift): string {
  return truncate(cardAt(hand, lifted.card)?.title ?? "", 80);
}

function cardAt(hand: HandState, id: string): Card | undefined {
  const at = placeOf(hand.still, id);
  return at ? hand.still[at.lane][at.index] : undefined;
}
