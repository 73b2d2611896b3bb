import { type RefObject, useEffect, useRef } from "react";
import { isTyping } from "../lib/keyboard";
import { directionOf } from "./navigate";

interface Options {
  archived: boolean;
  /** The card whose drawer is open, if any. */
  current: RefObject<string | null>;
  onNew: () => void;
  onSearch: () => void;
  onUndo: () => boolean;
  /** Brings the focus onto the board. */
  onFocusBoard: (id: string | null) => void;
}

export function useBoardShortcuts(options: Options) {
  const latest = useRef(options);
  latest.current = options;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.repeat || isTyping(event.target) || overlaid()) return;
      if (handle(latest.current, event)) event.preventDefault();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
}

function handle(options: Options, event: KeyboardEvent): boolean {
  const modified = event.ctrlKey || event.metaKey;
  if (event.altKey) return false;
  if (modified) return event.key === "z" && !event.shiftKey && options.onUndo();
  if (event.key === "/") options.onSearch();
  else if (event.key === "c" && !options.archived) options.onNew();
  else if (directionOf(event.key) && event.target === document.body) options.onFocusBoard(null);
  else return false;
  return true;
}

/** Whether a dialog, a drawer or a menu is open: then keys are its own. */
function overlaid(): boolean {
  return document.querySelector("[role=dialog],[role=alertdialog],[role=menu]") !== null;
}
