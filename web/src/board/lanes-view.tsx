import { DndContext, DragOverlay } from "@dnd-kit/core";
import {
  type FocusEvent,
  type ReactNode,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { board as say } from "../strings/board";
import { cn } from "../ui";
import { CardFace } from "./card-face";
import type { CardActions } from "./card-menu";
import { type Hand, LaneColumn } from "./lane-column";
import { LaneSwitcher } from "./lane-switcher";
import { type Board, type Card, LANES, type Lane, type Place, placeOf } from "./lanes";
import { pitch as measure } from "./metrics";
import { firstCard, heir } from "./navigate";
import type { Selection } from "./selection";
import { useBoardKeys } from "./use-board-keys";
import { useHand } from "./use-hand";
import { usePointerDrag } from "./use-pointer-drag";

export interface LanesViewProps {
  board: Board;
  hidden: Readonly<Record<Lane, number>>;
  actions: CardActions;
  selection: Selection;
  toggle: (id: string) => void;
  clearSelection: () => void;
  /** Opens the menu of what is selected; false when nothing is. */
  openBulkMenu: () => boolean;
  move: (id: string, place: Place) => void;
  since: (card: Card) => string | null;
  /** The archive: nothing is moved or added. */
  fixed: boolean;
  adding: Lane | null;
  /** Null where this person adds no cards. */
  onAdd: ((lane: Lane) => void) | null;
  adder: ReactNode;
  lane: Lane;
  onLane: (lane: Lane) => void;
  /** A card that should have the focus, as after a drawer; `nth` tells one wish from the next. */
  wish: { id: string | null; nth: number };
}

/** dnd-kit's own words are about droppables that we do not have; ours are in the live region below. */
const SILENT = {
  announcements: {
    onDragStart: () => undefined,
    onDragOver: () => undefined,
    onDragEnd: () => undefined,
    onDragCancel: () => undefined,
  },
  screenReaderInstructions: { draggable: "" },
};

export function LanesView(props: LanesViewProps) {
  const { board, actions, fixed, move, selection } = props;
  const hand = useHand(board);
  const pitch = usePitch();
  const [words, announce] = useState("");
  const root = useRef<HTMLElement>(null);
  const dnd = usePointerDrag(hand, pitch, move);
  const menu = useKeyMenu(root, props.openBulkMenu);
  const onKeyDown = useBoardKeys({
    hand,
    actions,
    fixed,
    move,
    announce,
    toggle: props.toggle,
    clear: props.clearSelection,
    openMenu: menu.open,
  });
  useWish(hand, props.wish);
  useHeir(hand);
  useShownLane(root, hand.wanted && placeOf(hand.shown, hand.wanted.id)?.lane);

  const current =
    hand.current && placeOf(hand.shown, hand.current) ? hand.current : firstCard(hand.shown);
  const drawn: Hand = {
    current,
    wanted: hand.wanted,
    lifted: hand.lifted?.card ?? null,
    dragging: hand.drag?.card ?? null,
    line: hand.drag?.target ? { lane: hand.drag.target.lane, index: hand.drag.target.line } : null,
    selection,
  };
  const onFocus = (event: FocusEvent<HTMLElement>) => {
    const id = event.target.closest("[data-card]")?.getAttribute("data-card");
    if (id) hand.setCurrent(id);
    if (menu.back(event.target) && id) hand.focus(id);
  };
  const dragged = hand.drag && cardOn(hand.still, hand.drag.card);
  return (
    <>
      <LaneSwitcher root={root} board={hand.shown} lane={props.lane} onLane={props.onLane} />
      <DndContext
        sensors={dnd.sensors}
        accessibility={SILENT}
        onDragStart={dnd.onDragStart}
        onDragEnd={dnd.onDragEnd}
        onDragCancel={dnd.onDragCancel}
      >
        <section
          ref={root}
          aria-label={say.lanes}
          onKeyDown={onKeyDown}
          onFocus={onFocus}
          onPointerDownCapture={() => hand.lifted && hand.setLifted(null)}
          className={cn(
            "relative flex min-h-0 flex-1 gap-2 overflow-x-auto overflow-y-hidden",
            // Snapping would fight the scrolling that a drag to the edge makes.
            hand.drag === null && "max-md:snap-x max-md:snap-mandatory",
          )}
        >
          {LANES.map((lane) => (
            <LaneColumn
              key={lane}
              lane={lane}
              cards={hand.shown[lane]}
              hidden={props.hidden[lane]}
              pitch={pitch}
              hand={drawn}
              actions={actions}
              since={props.since}
              fixed={fixed || actions.moveTo === null}
              onFocused={hand.onFocused}
              onAdd={fixed ? null : props.onAdd}
              adder={props.adding === lane ? props.adder : null}
              register={dnd.register}
            />
          ))}
        </section>
        <DragOverlay dropAnimation={null}>
          {dragged && <CardFace card={dragged} lifted />}
        </DragOverlay>
      </DndContext>
      <p id="card-hint" hidden>
        {fixed || actions.moveTo === null ? say.drag.hintStill : say.drag.hint}
      </p>
      <p role="status" aria-live="assertive" className="sr-only">
        {words}
      </p>
    </>
  );
}

function cardOn(board: Board, id: string): Card | undefined {
  const at = placeOf(board, id);
  return at ? board[at.lane][at.index] : undefined;
}

/** The height of a card and its gap, followed when the person changes the size of the font. */
function usePitch(): number {
  const [size, setSize] = useState(measure);
  useEffect(() => {
    const look = () => setSize(measure());
    addEventListener("resize", look);
    return () => removeEventListener("resize", look);
  }, []);
  return size;
}

function useWish(hand: ReturnType<typeof useHand>, wish: LanesViewProps["wish"]) {
  const { focus, shown } = hand;
  const board = useRef(shown);
  board.current = shown;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a wish is followed once.
  useEffect(() => {
    if (wish.nth === 0) return;
    const there = wish.id !== null && placeOf(board.current, wish.id) !== null;
    focus(there ? wish.id : firstCard(board.current));
  }, [wish.nth]);
}

/** A menu gives the focus back a moment after it has closed. In milliseconds. */
const MENU_GONE = 60;

/** When the card with the focus leaves the board, the next one takes it: nobody is thrown to the page's start. */
function useHeir(hand: ReturnType<typeof useHand>) {
  const before = useRef(hand.shown);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const { current, shown, focus } = hand;
  useEffect(() => {
    const old = before.current;
    before.current = shown;
    if (current === null || !placeOf(old, current) || placeOf(shown, current)) return;
    const next = heir(old, shown, current);
    timer.current = setTimeout(() => {
      if (document.activeElement === document.body) focus(next);
    }, MENU_GONE);
  }, [current, shown, focus]);
  useEffect(() => () => clearTimeout(timer.current), []);
}

/** A card that takes the focus is in a lane that can be seen. */
function useShownLane(root: React.RefObject<HTMLElement | null>, lane: Lane | null | undefined) {
  useEffect(() => {
    if (!lane) return;
    const column = root.current?.querySelector(`[data-lane="${lane}"]`);
    column?.scrollIntoView({ inline: "nearest", block: "nearest" });
  }, [root, lane]);
}

/** Opens a card's menu by key; when it closes, the focus goes back to the card and not to the menu's button. */
function useKeyMenu(root: React.RefObject<HTMLElement | null>, bulk: () => boolean) {
  const byKey = useRef(false);
  const open = useCallback(
    (id: string) => {
      if (bulk()) return;
      const card = root.current?.querySelector(`[data-card="${CSS.escape(id)}"]`);
      const button = card?.querySelector<HTMLElement>("[data-card-menu]");
      button?.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
      byKey.current = button !== null && button !== undefined;
    },
    [root, bulk],
  );
  const back = useCallback((target: EventTarget) => {
    const returned =
      byKey.current && target instanceof Element && target.matches("[data-card-menu]");
    if (returned) byKey.current = false;
    return returned;
  }, []);
  return useMemo(() => ({ open, back }), [open, back]);
}
