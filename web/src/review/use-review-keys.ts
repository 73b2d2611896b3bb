import { useEffect, useEffectEvent } from "react";
import { isApple, isTyping, matches, parseKeys } from "../lib/keyboard";

export type ReviewKey =
  | "j"
  | "k"
  | "n"
  | "p"
  | "v"
  | "x"
  | "c"
  | "r"
  | "/"
  | "arrowdown"
  | "arrowup"
  | "shift+arrowdown"
  | "shift+arrowup"
  | "mod+enter";

const KEYS: readonly ReviewKey[] = [
  "j",
  "k",
  "n",
  "p",
  "v",
  "x",
  "c",
  "r",
  "/",
  "arrowdown",
  "arrowup",
  "shift+arrowdown",
  "shift+arrowup",
  "mod+enter",
];

const COMBOS = KEYS.map((key) => ({ key, combo: parseKeys(key)[0] }));

/** Calls with each shortcut; true means that it was used. Dialogs and text fields keep their keys. */
export function useReviewKeys(onKey: (key: ReviewKey) => boolean): void {
  const latest = useEffectEvent(onKey);
  useEffect(() => {
    const apple = isApple(navigator.platform);
    function press(event: KeyboardEvent) {
      if (event.defaultPrevented || event.isComposing || isTyping(event.target)) return;
      if (document.querySelector('[role="dialog"], [role="alertdialog"], [role="menu"]')) return;
      const found = COMBOS.find(({ combo }) => combo && matches(event, combo, apple));
      if (found && latest(found.key)) {
        event.preventDefault();
        // The page's own help and filter come before the shell's.
        event.stopPropagation();
      }
    }
    window.addEventListener("keydown", press, true);
    return () => window.removeEventListener("keydown", press, true);
  }, []);
}
