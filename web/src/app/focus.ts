import { useRouter } from "@tanstack/react-router";
import { useEffect } from "react";

/** A page that takes longer than this has lost the reader's attention to its skeleton. */
const PATIENCE_MS = 5_000;

/** After a navigation, reading starts at the new page's heading. */
export function useFocusHeading(): void {
  const router = useRouter();
  useEffect(() => {
    let stop = () => {};
    const leave = router.subscribe("onRendered", ({ fromLocation, pathChanged }) => {
      // The first page is the browser's own matter.
      if (!pathChanged || fromLocation === undefined) return;
      stop();
      stop = focusWhenThere();
    });
    return () => {
      stop();
      leave();
    };
  }, [router]);
}

function focusWhenThere(): () => void {
  if (focusHeading()) return () => {};
  const place = document.getElementById("main") ?? document.body;
  const watch = new MutationObserver(() => {
    if (focusHeading()) stop();
  });
  const timer = setTimeout(stop, PATIENCE_MS);
  function stop() {
    watch.disconnect();
    clearTimeout(timer);
  }
  watch.observe(place, { childList: true, subtree: true });
  return stop;
}

/** True when there is nothing more to do. */
function focusHeading(): boolean {
  // Someone who has opened a dialog or begun to write is not to be interrupted.
  if (document.querySelector("[role=dialog],[role=alertdialog]") !== null) return true;
  const main = document.getElementById("main");
  if (main?.contains(document.activeElement) && document.activeElement !== main) return true;
  const heading = document.querySelector<HTMLElement>("[data-page-heading]");
  heading?.focus({ preventScroll: true });
  return heading !== null;
}
