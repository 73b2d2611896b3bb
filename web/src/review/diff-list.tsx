import {
  defaultRangeExtractor,
  elementScroll,
  observeElementOffset,
  observeElementRect,
  observeWindowOffset,
  observeWindowRect,
  type Range,
  useVirtualizer,
  type Virtualizer,
  windowScroll,
} from "@tanstack/react-virtual";
import {
  memo,
  type Ref,
  useCallback,
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import { review } from "../strings/review";
import { cn } from "../ui";
import type { RowList } from "./diff/row-list";
import type { Row } from "./diff/rows";
import { CommentRow } from "./rows/comment-row";
import { FileRow } from "./rows/file-row";
import { LineRow, SplitRow } from "./rows/line-row";
import { HunkRow, MoreRow, NoteRow } from "./rows/other-rows";
import "./diff.css";

/** Heights before a row is measured. */
const ESTIMATE: Record<Row["kind"], number> = {
  file: 38,
  note: 26,
  hunk: 20,
  line: 20,
  split: 20,
  comment: 120,
  more: 37,
};
/** Rows beyond the edges: a flick of the wheel meets rows that are there already. */
const OVERSCAN = 12;

export interface DiffListHandle {
  /** Brings a row under the header and gives it focus. */
  reveal: (index: number, focus?: boolean) => void;
  /** The first row that is seen. */
  top: () => number;
  isShown: (index: number) => boolean;
}

export interface DiffListProps {
  list: RowList;
  /** What covers the top of the scroller, in pixels. */
  inset: number;
  /** The scroller's padding: sticking is counted from inside of it. */
  padding: number;
  /** The row that has or gets focus by Tab. */
  cursor: number;
  onCursor: (index: number) => void;
  /** The header that is on top changed. */
  onTop: (index: number) => void;
  ref: Ref<DiffListHandle>;
}

type Scroller = Element | Window;

/** All rows of all files as one list; only those near the screen are there. */
export function DiffList({ list, inset, padding, cursor, onCursor, onTop, ref }: DiffListProps) {
  const box = useRef<HTMLDivElement>(null);
  const { scroller, margin } = usePlace(box);
  const own = useRef<Virtualizer<Element, Element> | null>(null);
  const sticky = useRef(0);
  const onWindow = scroller instanceof Window;

  const extract = useCallback(
    (range: Range) => {
      const virtual = own.current;
      const offset = (virtual?.scrollOffset ?? 0) + inset;
      const first = virtual?.getVirtualItemForOffset(offset)?.index ?? range.startIndex;
      sticky.current = list.headerAbove(first);
      const wanted = new Set([sticky.current, ...defaultRangeExtractor(range)]);
      // A focused row that is scrolled away would take the focus with it.
      if (cursor >= 0 && cursor < list.count) wanted.add(cursor);
      return [...wanted].sort((a, b) => a - b);
    },
    [list, inset, cursor],
  );

  // A new function would make the list measure all of its rows again, at every step of a scroll.
  const getItemKey = useCallback((index: number) => keyOf(list.at(index), index), [list]);
  const estimateSize = useCallback(
    (index: number) => ESTIMATE[list.at(index)?.kind ?? "line"],
    [list],
  );
  const virtual = useVirtualizer<Element, Element>({
    count: list.count,
    getScrollElement: () => scroller as Element | null,
    observeElementRect: (onWindow
      ? observeWindowRect
      : observeElementRect) as typeof observeElementRect,
    observeElementOffset: (onWindow
      ? observeWindowOffset
      : observeElementOffset) as typeof observeElementOffset,
    scrollToFn: (onWindow ? windowScroll : elementScroll) as typeof elementScroll,
    estimateSize,
    getItemKey,
    rangeExtractor: extract,
    overscan: OVERSCAN,
    scrollMargin: margin,
    scrollPaddingStart: inset + ESTIMATE.file,
    initialOffset: () =>
      scroller instanceof Window ? scroller.scrollY : (scroller?.scrollTop ?? 0),
  });
  own.current = virtual;

  useImperativeHandle(ref, () => ({
    reveal: (index, focus = true) => {
      const isHeader = list.at(index)?.kind === "file";
      const align = isHeader ? "start" : "auto";
      virtual.scrollToIndex(index, { align });
      if (focus) focusRow(box.current, index);
    },
    isShown: (index) => {
      const { range } = virtual;
      return range !== null && index >= range.startIndex && index <= range.endIndex;
    },
    top: () =>
      virtual.getVirtualItemForOffset((virtual.scrollOffset ?? 0) + inset + ESTIMATE.file + 4)
        ?.index ?? 0,
  }));

  const items = virtual.getVirtualItems();
  const header = sticky.current;
  useEffect(() => onTop(header), [header, onTop]);

  return (
    // biome-ignore lint/a11y/useSemanticElements: rows are placed one by one, which a table forbids.
    <div
      ref={box}
      role="grid"
      aria-label={review.diff.label}
      aria-rowcount={list.count}
      aria-readonly
      className="relative rounded-md border-line border-x bg-surface"
      style={{ height: virtual.getTotalSize() }}
    >
      {items.map((item) => {
        const row = list.at(item.index);
        if (!row) return null;
        const stays = item.index === header;
        return (
          // biome-ignore lint/a11y/useSemanticElements: as above.
          <div
            key={item.key}
            ref={virtual.measureElement}
            data-index={item.index}
            data-row={row.kind}
            role="row"
            aria-rowindex={item.index + 1}
            tabIndex={item.index === cursor ? 0 : -1}
            onFocus={(event) => {
              if (event.target === event.currentTarget) onCursor(item.index);
            }}
            className={cn(
              "left-0 w-full",
              row.kind === "split" && "flex",
              stays ? "sticky z-10" : "absolute top-0",
            )}
            style={
              stays
                ? { top: inset - padding }
                : { transform: `translateY(${item.start - margin}px)` }
            }
          >
            <RowView row={row} />
          </div>
        );
      })}
    </div>
  );
}

/** Rows come and go with the scroll: the focus waits for the row for a few frames. */
function focusRow(box: HTMLElement | null, index: number, tries = 12): void {
  const row = box?.querySelector<HTMLElement>(`[data-index="${index}"]`);
  if (row) row.focus({ preventScroll: true });
  else if (tries > 0) requestAnimationFrame(() => focusRow(box, index, tries - 1));
}

const RowView = memo(function RowView({ row }: { row: Row }) {
  switch (row.kind) {
    case "file":
      return <FileRow file={row.file} />;
    case "note":
      return <NoteRow file={row.file} note={row.note} />;
    case "hunk":
      return <HunkRow hunk={row.hunk} hiddenLines={row.hiddenLines} />;
    case "line":
      return <LineRow file={row.file} line={row.line} pair={row.pair} />;
    case "split":
      return <SplitRow file={row.file} left={row.left} right={row.right} />;
    case "comment":
      return <CommentRow file={row.file} line={row.line} />;
    case "more":
      return <MoreRow file={row.file} lines={row.lines} />;
  }
});

function keyOf(row: Row | undefined, index: number): string | number {
  if (!row) return index;
  const at = row.file.index;
  switch (row.kind) {
    case "line":
    case "comment":
      return `${at} ${row.kind} ${row.line}`;
    case "split":
      return `${at} split ${row.left} ${row.right}`;
    case "hunk":
      return `${at} hunk ${row.hunk.first}`;
    case "note":
      return `${at} note ${row.note}`;
    default:
      return `${at} ${row.kind}`;
  }
}

/** What scrolls the list, and how far below that one's top it begins. */
function usePlace(box: React.RefObject<HTMLElement | null>): {
  scroller: Scroller | null;
  margin: number;
} {
  const [place, setPlace] = useState<{ scroller: Scroller | null; margin: number }>({
    scroller: null,
    margin: 0,
  });
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const scroller = scrollerOf(element);
    const look = () => {
      const margin = Math.round(
        scroller instanceof Window
          ? element.getBoundingClientRect().top + scroller.scrollY
          : element.getBoundingClientRect().top -
              scroller.getBoundingClientRect().top +
              scroller.scrollTop,
      );
      setPlace((old) =>
        old.scroller === scroller && Math.abs(old.margin - margin) < 1 ? old : { scroller, margin },
      );
    };
    look();
    // What stands above the list folds and unfolds.
    const observer = new ResizeObserver(look);
    observer.observe(document.body);
    for (let up = element.parentElement; up && up !== document.body; up = up.parentElement)
      observer.observe(up);
    return () => observer.disconnect();
  }, [box]);
  return place;
}

/** What scrolls an element. */
export function scrollerOf(element: HTMLElement): Scroller {
  for (let up = element.parentElement; up && up !== document.body; up = up.parentElement) {
    if (/auto|scroll/.test(getComputedStyle(up).overflowY)) return up;
  }
  return window;
}
