import { useNavigate, useSearch } from "@tanstack/react-router";
import { type RefObject, useCallback, useLayoutEffect, useState } from "react";
import type { Layout } from "./diff/rows";

const LAYOUT_KEY = "freehold.review-layout";

/** The height of an element, as it changes. */
export function useHeight(ref: RefObject<HTMLElement | null>): number {
  const [height, setHeight] = useState(0);
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    const look = () => setHeight(Math.ceil(element.getBoundingClientRect().height));
    look();
    const observer = new ResizeObserver(look);
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref]);
  return height;
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
