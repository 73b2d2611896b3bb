/** The shortcuts that hold at the moment: those of the shell and of the page that is shown. */

import { useEffect, useRef, useSyncExternalStore } from "react";
import { isApple, isTyping } from "../lib/keyboard";
import { type Shortcut, ShortcutMatcher } from "./shortcut-matcher";

export type { Shortcut } from "./shortcut-matcher";

export interface ShortcutGroup {
  name: string;
  shortcuts: readonly Shortcut[];
}

let groups: readonly ShortcutGroup[] = [];
const listeners = new Set<() => void>();
const matcher = new ShortcutMatcher();
const apple = typeof navigator !== "undefined" && isApple(navigator.platform);

function set(next: readonly ShortcutGroup[]): void {
  groups = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Whether something lies over the page; then keys are its own. */
function overlaid(): boolean {
  return document.querySelector("[role=dialog],[role=alertdialog],[role=menu]") !== null;
}

function handle(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.repeat || event.isComposing) return;
  const busy = isTyping(event.target) || overlaid();
  const all = groups.flatMap((group) => group.shortcuts);
  const open = busy ? all.filter((shortcut) => shortcut.always) : all;
  const hit = matcher.press(event, open, event.timeStamp, apple);
  if (hit === null) return;
  event.preventDefault();
  event.stopPropagation();
  hit.run?.();
}

/** Starts listening; called once, by the shell. */
export function listenForShortcuts(): () => void {
  // The second key of a sequence is ours before a view can take it for its own letter.
  const early = (event: KeyboardEvent) => {
    if (matcher.waits(event.timeStamp)) handle(event);
  };
  const late = (event: KeyboardEvent) => {
    if (!matcher.waits(event.timeStamp)) handle(event);
  };
  window.addEventListener("keydown", early, true);
  window.addEventListener("keydown", late);
  return () => {
    window.removeEventListener("keydown", early, true);
    window.removeEventListener("keydown", late);
  };
}

/**
 * These shortcuts hold while the component is shown, and are in the list that `?` opens. The list
 * may be a new array each time; what `run` does is always the latest.
 */
export function useShortcuts(name: string, shortcuts: readonly Shortcut[]): void {
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  const signature = shortcuts.map((one) => `${one.keys}\t${one.label}\t${!one.run}`).join("\n");
  // biome-ignore lint/correctness/useExhaustiveDependencies: the signature stands for the list.
  useEffect(() => {
    const stable = latest.current.map((one, at) => ({
      ...one,
      run: one.run && (() => latest.current[at]?.run?.()),
    }));
    const group = { name, shortcuts: stable };
    set([...groups, group]);
    return () => set(groups.filter((one) => one !== group));
  }, [name, signature]);
}

/** All that hold now, for the list. */
export function useShortcutGroups(): readonly ShortcutGroup[] {
  return useSyncExternalStore(
    subscribe,
    () => groups,
    () => groups,
  );
}
