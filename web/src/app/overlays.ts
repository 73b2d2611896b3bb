/** Which of the shell's own overlays is open; views open them by `overlays.open`. */

import { useSyncExternalStore } from "react";

export type Overlay = "palette" | "shortcuts" | "menu";

let shown: Overlay | null = null;
const listeners = new Set<() => void>();

function set(next: Overlay | null): void {
  shown = next;
  for (const listener of listeners) listener();
}

export const overlays = {
  open: (overlay: Overlay) => set(overlay),
  close: () => set(null),
} as const;

export function useOverlay(): Overlay | null {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => shown,
    () => shown,
  );
}
