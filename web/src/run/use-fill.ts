import { type RefObject, useLayoutEffect } from "react";

/** Left below, in pixels: the page's own padding. */
const BELOW = 16;
/** Lower than this a list cannot be read; then the page scrolls instead. */
const LEAST = 420;

/** Makes the element as high as the window leaves room, so that the list scrolls and not the page. */
export function useFill(ref: RefObject<HTMLElement | null>): void {
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    const fill = () => {
      const room = scroller(element);
      const { top } = element.getBoundingClientRect();
      const from = room ? top - room.getBoundingClientRect().top + room.scrollTop : top + scrollY;
      const height = Math.max(
        LEAST,
        Math.floor((room?.clientHeight ?? innerHeight) - from - BELOW),
      );
      if (element.style.height !== `${height}px`) element.style.height = `${height}px`;
    };
    fill();
    // The head above grows and shrinks with what there is to say.
    const observer = new ResizeObserver(fill);
    if (element.parentElement) {
      for (const child of element.parentElement.children) {
        if (child !== element) observer.observe(child);
      }
    }
    window.addEventListener("resize", fill);
    return () => {
      observer.disconnect();
      window.removeEventListener("resize", fill);
    };
  });
}

function scroller(element: HTMLElement): HTMLElement | null {
  for (let up = element.parentElement; up && up !== document.body; up = up.parentElement) {
    const { overflowY } = getComputedStyle(up);
    if (overflowY === "auto" || overflowY === "scroll") return up;
  }
  return null;
}
