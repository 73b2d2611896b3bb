import { useDraggable } from "@dnd-kit/core";
import { Link } from "@tanstack/react-router";
import { memo, useLayoutEffect, useRef } from "react";
import { board as say } from "../strings/board";
import { CardFace, cardTitle } from "./card-face";
import { type CardActions, CardMenu } from "./card-menu";
import type { Card } from "./lanes";

export interface CardItemProps {
  card: Card;
  actions: CardActions;
  since: string | null;
  selected: boolean;
  lifted: boolean;
  dragging: boolean;
  /** The one card of its lane that Tab reaches. */
  current: boolean;
  /** Takes the focus now, and says so. */
  wanted: boolean;
  onFocused: () => void;
  /** Archived cards stay where they are. */
  fixed: boolean;
}

/** A card in its lane: a link to its drawer, with a menu beside it. */
export const CardItem = memo(function CardItem(props: CardItemProps) {
  const { card, actions, since, selected, lifted, dragging, current, wanted, fixed, onFocused } =
    props;
  const link = useRef<HTMLAnchorElement>(null);
  const drag = useDraggable({ id: card.id, disabled: fixed });
  useLayoutEffect(() => {
    if (!wanted) return;
    link.current?.focus({ preventScroll: true });
    onFocused();
  }, [wanted, onFocused]);
  const tabIndex = current ? 0 : -1;
  const factsId = `facts-${card.id}`;
  return (
    <div {...pointerOnly(drag.listeners)}>
      <CardFace
        ref={drag.setNodeRef}
        card={card}
        since={since}
        selected={selected}
        lifted={lifted}
        ghost={dragging}
        factsId={factsId}
        menu={<CardMenu card={card} actions={actions} tabIndex={tabIndex} />}
        title={
          <Link
            ref={link}
            to="."
            search={(old) => ({ ...old, card: card.id })}
            preload={false}
            resetScroll={false}
            draggable={false}
            tabIndex={tabIndex}
            data-card-link
            aria-describedby={`${factsId} card-hint`}
            className="outline-none after:absolute after:inset-0"
          >
            {cardTitle(card)}
            {selected && <span className="sr-only"> ({say.card.selected})</span>}
          </Link>
        }
      />
    </div>
  );
});

type Listeners = ReturnType<typeof useDraggable>["listeners"];

/** A press on the card's menu is not the beginning of a drag. */
function pointerOnly(listeners: Listeners): Listeners {
  if (!listeners) return undefined;
  return Object.fromEntries(
    Object.entries(listeners).map(([name, handle]) => [
      name,
      (event: { target: EventTarget | null }) => {
        const inMenu = event.target instanceof Element && event.target.closest("[data-no-drag]");
        if (!inMenu) handle(event);
      },
    ]),
  );
}
