/** Light, dark, or as the system says. public/theme.js applies the choice before the first paint. */

import { useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";

export const THEMES: readonly Theme[] = ["system", "light", "dark"];

/** The name is also in public/theme.js. */
const KEY = "freehold.theme";

const listeners = new Set<() => void>();
let choice: Theme = read();

function read(): Theme {
  try {
    const kept = globalThis.localStorage?.getItem(KEY);
    return kept === "light" || kept === "dark" ? kept : "system";
  } catch {
    return "system";
  }
}

function show(next: Theme): void {
  choice = next;
  const { dataset } = document.documentElement;
  if (next === "system") delete dataset.theme;
  else dataset.theme = next;
  for (const listener of listeners) listener();
}

export function setTheme(next: Theme): void {
  try {
    if (next === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
  } catch {
    // Forbidden: the choice lasts as long as the page.
  }
  show(next);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useTheme(): Theme {
  return useSyncExternalStore(subscribe, () => choice);
}

if (typeof window !== "undefined") {
  window.addEventListener("storage", (event) => {
    if (event.key === KEY || event.key === null) show(read());
  });
}
