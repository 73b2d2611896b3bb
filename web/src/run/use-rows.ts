import {
  type KeyboardEvent,
  type RefObject,
  useCallback,
  useEffect,
  useLayoutEffect,
  useReducer,
  useRef,
} from "react";
import type { ActivityModel } from "./activity-model";
import type { Row } from "./layout";

/** Drawn above and below what is seen, so that a flick shows rows and no gap; in pixels. */
const OVERSCAN = 700;
/** Rows drawn at most, however small they are. */
const DRAWN_MAX = 160;
/** Drawing again after measuring, at most: rows may turn out smaller than was guessed. */
const PASSES_MAX = 4;
/** How near to the end counts as at the end, in pixels. */
const AT_END = 4;

/** What is left above a row that was jumped to, so that it does not seem to be the first; in pixels. */
const LEAD_IN = 48;

/** What is held in its place while all around it is fetched and measured. */
type Anchor = { seq: number; offset: number } | "end";

export interface RowsView {
  scroller: RefObject<HTMLElement | null>;
  body: RefObject<HTMLDivElement | null>;
  list: RefObject<HTMLOListElement | null>;
  rows: Row[];
  /** Where the first drawn row begins. */
  top: number;
  height: number;
  atEnd: boolean;
  jump(seq: number): void;
  jumpToEnd(): void;
  onKeyDown(event: KeyboardEvent): void;
}

/**
 * Draws the part of a list that is seen. Rows are in the flow of the page, so they never overlap;
 * only the place of the first is computed. What the reader looks at stays where it is.
 */
export function useRows(model: ActivityModel, start: number | "end"): RowsView {
  const scroller = useRef<HTMLElement | null>(null);
  const body = useRef<HTMLDivElement | null>(null);
  const list = useRef<HTMLOListElement | null>(null);
  const [, draw] = useReducer((count: number) => count + 1, 0);
  const anchor = useRef<Anchor>(start === "end" ? "end" : { seq: start, offset: 0 });
  const passes = useRef(0);
  const drawn = useRef({ from: 0, to: 0 });
  const wasAtEnd = useRef(true);
  const { layout } = model;

  const place = useCallback((): number => {
    const { heights } = model.layout;
    const seen = scroller.current?.clientHeight ?? 0;
    if (anchor.current === "end") return Math.max(0, heights.total - seen);
    const index = model.layout.leadOf(model.indexOf(anchor.current.seq));
    return Math.max(0, heights.offset(index) + anchor.current.offset);
  }, [model]);

  const seen = scroller.current?.clientHeight || 800;
  const at = place();
  const from = Math.max(0, at - OVERSCAN);
  const rows =
    anchor.current === "end"
      ? layout.ending(from, DRAWN_MAX)
      : layout.between(from, at + seen + OVERSCAN, DRAWN_MAX);
  const top = rows[0] ? layout.heights.offset(rows[0].index) : 0;
  const height = layout.heights.total;

  const measure = useCallback((): boolean => {
    let news = false;
    for (const child of list.current?.children ?? []) {
      const { index } = (child as HTMLElement).dataset;
      // What is not loaded yet is as high as was assumed.
      if (index === undefined || !child.hasAttribute("data-loaded")) continue;
      const high = child.getBoundingClientRect().height;
      if (model.layout.heights.set(Number(index), high)) news = true;
    }
    return news;
  }, [model]);

  const settle = useCallback(() => {
    const element = scroller.current;
    if (!element || !body.current) return;
    body.current.style.height = `${model.layout.heights.total}px`;
    const wanted = Math.min(
      place(),
      Math.max(0, model.layout.heights.total - element.clientHeight),
    );
    if (Math.abs(element.scrollTop - wanted) >= 1) element.scrollTop = wanted;
  }, [model, place]);

  // After every drawing: measure what is new, hold the anchor, draw again where that leaves a gap.
  useLayoutEffect(() => {
    measure();
    if (passes.current === 0 && model.layout.heights.settle()) passes.current = 1;
    settle();
    const last = rows.at(-1);
    const { heights } = model.layout;
    const to = last ? heights.offset(last.index) + heights.get(last.index) : 0;
    const from = rows[0] ? heights.offset(rows[0].index) : 0;
    drawn.current = { from, to };
    const place_ = place();
    const bottom = Math.min(heights.total, place_ + (scroller.current?.clientHeight ?? 0));
    const gap = from > place_ + 1 || to < bottom - 1 || from !== top;
    if (gap && passes.current < PASSES_MAX) {
      passes.current++;
      draw();
    } else {
      passes.current = 0;
    }
  });

  useEffect(() => {
    model.look(rows);
  });

  useEffect(() => {
    let frame = 0;
    const soon = () => {
      // Under a flood once a frame is enough.
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        draw();
      });
    };
    const stop = model.listen(soon);
    return () => {
      stop();
      cancelAnimationFrame(frame);
    };
  }, [model]);

  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const onScroll = () => {
      const { heights } = model.layout;
      const { scrollTop, clientHeight, scrollHeight } = element;
      // By what is drawn: what has come since is not what the reader left.
      const end = scrollHeight - clientHeight - scrollTop <= AT_END;
      const index = heights.find(scrollTop);
      anchor.current = end
        ? "end"
        : { seq: model.seqAt(index), offset: scrollTop - heights.offset(index) };
      model.follow(end);
      const { from, to } = drawn.current;
      const short = scrollTop - from < OVERSCAN / 3 && from > 0;
      const low = to - scrollTop - clientHeight < OVERSCAN / 3 && to < heights.total - 1;
      if (short || low || end !== wasAtEnd.current) draw();
      wasAtEnd.current = end;
    };
    element.addEventListener("scroll", onScroll, { passive: true });
    return () => element.removeEventListener("scroll", onScroll);
  }, [model]);

  // Rows that were unfolded, Markdown that came late, a window of another width.
  useEffect(() => {
    if (!list.current || !scroller.current) return;
    const observer = new ResizeObserver(() => {
      measure();
      settle();
      draw();
    });
    observer.observe(list.current);
    observer.observe(scroller.current);
    return () => observer.disconnect();
  }, [measure, settle]);

  const jump = useCallback(
    (seq: number) => {
      const element = scroller.current;
      const { heights } = model.layout;
      const index = model.layout.leadOf(model.indexOf(seq));
      const offset = heights.offset(index) - (element?.scrollTop ?? 0);
      const seen = element?.clientHeight ?? 0;
      // What is in full view is not moved under the reader's eyes.
      if (offset >= 0 && offset + heights.get(index) <= seen) return draw();
      anchor.current = { seq, offset: -Math.min(LEAD_IN, seen / 8) };
      model.follow(false);
      draw();
    },
    [model],
  );
  const jumpToEnd = useCallback(() => {
    anchor.current = "end";
    model.follow(true);
    draw();
  }, [model]);

  const onKeyDown = useCallback(
    (event: KeyboardEvent) => {
      const element = scroller.current;
      if (!element || event.target !== element || event.ctrlKey || event.metaKey || event.altKey)
        return;
      const leap = element.clientHeight * 0.9;
      // The browser's own smooth scrolling would be stopped whenever a row is measured.
      if (event.key === "Home") element.scrollTop = 0;
      else if (event.key === "End") jumpToEnd();
      else if (event.key === "PageDown" || (event.key === " " && !event.shiftKey))
        element.scrollTop += leap;
      else if (event.key === "PageUp" || event.key === " ") element.scrollTop -= leap;
      else return;
      event.preventDefault();
    },
    [jumpToEnd],
  );

  const atEnd = anchor.current === "end";
  return { scroller, body, list, rows, top, height, atEnd, jump, jumpToEnd, onKeyDown };
}
