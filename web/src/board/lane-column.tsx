import { defaultRangeExtractor, type Range, useVirtualizer } from "@tanstack/react-virtual";
import { Plus } from "lucide-react";
import { type ReactNode, useCallback, useEffect, useLayoutEffect, useRef } from "react";
import { count } from "../lib/text";
import { board as say } from "../strings/board";
import { cn, IconButton } from "../ui";
import { CardItem } from "./card-item";
import type { CardActions } from "./card-menu";
import type { Card, Lane } from "./lanes";
import { CARD_REM, WHOLE_MAX } from "./metrics";
import type { Selection } from "./selection";

/** Cards drawn beyond the edge, so that a quick turn of the wheel shows cards and no gaps. */
const OVERSCAN = 8;

/** What all lanes know of what a person is doing. */
export interface Hand {
  current: string | null;
  /** The card that takes the focus as soon as it is drawn; `nth` tells one wish from the next. */
  wanted: { id: string; nth: number } | null;
  lifted: string | null;
  dragging: string | null;
  /** Where a drop would put the card: drawn as a line. */
  line: { lane: Lane; index: number } | null;
  selection: Selection;
}

export interface LaneColumnProps {
  lane: Lane;
  cards: readonly Card[];
  hidden: number;
  pitch: number;
  hand: Hand;
  actions: CardActions;
  since: (card: Card) => string | null;
  fixed: boolean;
  onFocused: () => void;
  onAdd: ((lane: Lane) => void) | null;
  /** Where the quick add stands while it is open in this lane. */
  adder: ReactNode;
  /** Hands over the list's element, whose top is the first card's. */
  register: (lane: Lane, list: HTMLElement | null) => void;
}

export function LaneColumn(props: LaneColumnProps) {
  const { lane, cards, hidden, adder, onAdd } = props;
  const button = useRef<HTMLButtonElement>(null);
  useFocusAfter(adder !== null && adder !== false, button);
  return (
    <section
      aria-label={say.laneOf(lane, cards.length, hidden)}
      data-lane={lane}
      className="flex h-full w-full shrink-0 snap-start flex-col rounded-lg bg-canvas md:w-auto md:min-w-40 md:max-w-96 md:flex-1 md:shrink"
    >
      <header className="flex h-9 shrink-0 items-center gap-2 px-2" title={say.laneHint[lane]}>
        <h2 className="text-sm font-semibold text-ink">{lane}</h2>
        <span aria-hidden className="text-sm text-faint tabular-nums">
          {count(cards.length)}
        </span>
        <span className="flex-1" />
        {onAdd !== null && (
          <IconButton ref={button} size="sm" label={say.addTo(lane)} onClick={() => onAdd(lane)}>
            <Plus aria-hidden />
          </IconButton>
        )}
      </header>
      {adder}
      <Cards {...props} />
    </section>
  );
}

/** The quick field gives the focus back to the button that opened it, unless it went elsewhere. */
function useFocusAfter(open: boolean, button: React.RefObject<HTMLButtonElement | null>) {
  const was = useRef(open);
  useEffect(() => {
    if (was.current && !open && document.activeElement === document.body) button.current?.focus();
    was.current = open;
  }, [open, button]);
}

function Cards(props: LaneColumnProps) {
  const { lane, cards, hidden, pitch, hand, register } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const list = useCallback(
    (element: HTMLElement | null) => register(lane, element),
    [register, lane],
  );
  const indices = useDrawn(props, scroller);
  const line = hand.line?.lane === lane ? hand.line.index : null;
  return (
    <div
      ref={scroller}
      data-lane-scroll
      className="min-h-0 flex-1 overflow-y-auto px-1.5 pt-1 pb-3"
    >
      <ul
        ref={list}
        className="relative list-none"
        style={{ height: Math.max(1, cards.length) * pitch }}
      >
        {indices.map((index) => {
          const card = cards[index];
          return card && <Placed key={card.id} {...props} card={card} index={index} />;
        })}
        {line !== null && (
          <li
            aria-hidden
            className="pointer-events-none absolute inset-x-0 h-0.5 rounded-full bg-accent"
            style={{ top: line * pitch - 5 }}
          />
        )}
        {cards.length === 0 && (
          <li
            style={{ height: `${CARD_REM}rem` }}
            className={cn(
              "flex items-center justify-center rounded-md border border-line border-dashed text-sm text-faint",
              line !== null && "border-accent",
            )}
          >
            {hidden > 0 ? say.laneNoMatch : say.laneEmpty}
          </li>
        )}
      </ul>
    </div>
  );
}

function Placed(props: LaneColumnProps & { card: Card; index: number }) {
  const { card, index, cards, pitch, hand, actions, since, fixed } = props;
  return (
    <li
      aria-setsize={cards.length}
      aria-posinset={index + 1}
      className="absolute inset-x-0 top-0 transition-transform duration-150 ease-out"
      style={{ transform: `translateY(${index * pitch}px)` }}
    >
      <CardItem
        card={card}
        actions={actions}
        since={since(card)}
        selected={hand.selection.has(card.id)}
        lifted={hand.lifted === card.id}
        dragging={hand.dragging === card.id}
        current={isCurrent(props)}
        wanted={hand.wanted?.id === card.id}
        onFocused={props.onFocused}
        fixed={fixed}
      />
    </li>
  );
}

/** One card of each lane is reached by Tab: the one with the focus, else the first. */
function isCurrent({ hand, cards, card, index }: LaneColumnProps & { card: Card; index: number }) {
  if (hand.current === card.id) return true;
  return index === 0 && !cards.some((other) => other.id === hand.current);
}

/** The indices of the cards to draw. The current one is always among them, so that the focus is never lost. */
function useDrawn(
  props: LaneColumnProps,
  scroller: React.RefObject<HTMLDivElement | null>,
): number[] {
  const { cards, pitch, hand } = props;
  const kept = cards.findIndex((card) => card.id === hand.current);
  const held = cards.findIndex((card) => card.id === hand.dragging);
  const rangeExtractor = useCallback(
    (range: Range) => {
      const drawn = new Set(defaultRangeExtractor(range));
      for (const index of [kept, held]) if (index >= 0) drawn.add(index);
      return [...drawn].sort((a, b) => a - b);
    },
    [kept, held],
  );
  const all = cards.length <= WHOLE_MAX;
  const virtual = useVirtualizer({
    count: cards.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => pitch,
    getItemKey: (index) => cards[index]?.id ?? index,
    overscan: OVERSCAN,
    rangeExtractor,
    enabled: !all,
  });
  const wanted = cards.findIndex((card) => card.id === hand.wanted?.id);
  const nth = hand.wanted?.nth ?? 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a wish is followed once, not again whenever the list changes.
  useLayoutEffect(() => {
    if (nth > 0 && wanted >= 0) reveal(scroller.current, wanted, pitch);
  }, [nth]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another size of font makes other places.
  useEffect(() => virtual.measure(), [pitch]);
  return all ? cards.map((_, index) => index) : virtual.getVirtualItems().map((item) => item.index);
}

/** Scrolls the least that shows the card wholly. */
function reveal(box: HTMLElement | null, index: number, pitch: number): void {
  if (!box) return;
  const top = index * pitch;
  if (top < box.scrollTop) box.scrollTop = top;
  else if (top + pitch > box.scrollTop + box.clientHeight) {
    box.scrollTop = top + pitch - box.clientHeight + 12;
  }
}
