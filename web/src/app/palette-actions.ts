/** What the palette can do beside going places: pages register their actions while they are shown. */

import { type ReactNode, useEffect, useRef, useSyncExternalStore } from "react";

export interface PaletteAction {
  /** Unique among those that are shown. */
  id: string;
  label: string;
  /** Words by which it is found as well. */
  also?: string;
  icon?: ReactNode;
  keys?: string;
  onSelect: () => void;
}

let sets: readonly (readonly PaletteAction[])[] = [];
let all: readonly PaletteAction[] = [];
const listeners = new Set<() => void>();

function set(next: typeof sets): void {
  sets = next;
  all = sets.toReversed().flat();
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Offers these in the palette while the component is shown; those of the latest page come first. */
export function usePaletteActions(actions: readonly PaletteAction[]): void {
  const latest = useRef(actions);
  latest.current = actions;
  const signature = actions.map((one) => `${one.id}\t${one.label}\t${one.keys ?? ""}`).join("\n");
  // biome-ignore lint/correctness/useExhaustiveDependencies: the signature stands for the list.
  useEffect(() => {
    const stable = latest.current.map((one) => ({
      ...one,
      onSelect: () => latest.current.find((action) => action.id === one.id)?.onSelect(),
    }));
    set([...sets, stable]);
    return () => set(sets.filter((shown) => shown !== stable));
  }, [signature]);
}

export function useAllPaletteActions(): readonly PaletteAction[] {
  return useSyncExternalStore(
    subscribe,
    () => all,
    () => all,
  );
}
