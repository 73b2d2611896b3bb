import { useNavigate, useSearch } from "@tanstack/react-router";
import { type RefObject, useCallback, useLayoutEffect, useState } from "react";
import type { Layout } from "./diff/rows";
import { scrollerOf } from "./diff-list";

const LAYOUT_KEY = "freehold.review-layout";

/** The height of the bar as it changes, and the padding of what scrolls: sticking begins inside of it. */
export function useBar(ref: RefObject<HTMLElement | null>): { height: number; padding: number } {
  const [size, setSize] = useState({ height: 0, padding: 0 });
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    const scroller = scrollerOf(element);
    const look = () => {
      const height = Math.ceil(element.getBoundingClientRect().height);
      const padding =
        scroller instanceof Window ? 0 : Number.parseFloat(getComputedStyle(scroller).paddingTop);
      setSize((old) =>
        old.height === height && old.padding === padding ? old : { height, padding },
      );
    };
    look();
    const observer = new ResizeObserver(look);
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref]);
  return size;
}

/** Unified or side by side: the address says it for this page, the browser remembers it. */
export function useLayoutChoice(): [Layout, (layout: Layout) => void] {
  const { view } = useSearch({ from: "/runs/$run/review" });
  const navigate = useNavigate();
  const choose = useCallback(
    (layout: Layout) => {
      remember(layout);
      void navigate({
        to: ".",
        search: (old: object) => ({ ...old, view: layout }),
        replace: true,
        resetScroll: false,
      });
    },
    [navigate],
  );
  return [view ?? remembered(), choose];
}

function remembered(): Layout {
  try {
    return localStorage.getItem(LAYOUT_KEY) === "split" ? "split" : "unified";
  } catch {
    return "unified";
  }
}

function remember(layout: Layout): void {
  try {
    localStorage.setItem(LAYOUT_KEY, layout);
  } catch {
    // Forbidden storage: the address still says it.
  }
}
