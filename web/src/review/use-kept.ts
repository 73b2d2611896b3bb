import { useCallback, useEffect, useState } from "react";
import { now } from "../lib/clock";
import { type Kept, readKept, type Store, writeKept } from "./kept";

/** Writing waits for a pause in typing, and happens at once when the page is left. */
const PAUSE_MS = 250;

export interface KeptView extends Kept {
  change: (change: (kept: Kept) => Kept) => void;
  /** The browser does not keep it: a reload would lose it. */
  volatile: boolean;
}

function browserStore(): Store | null {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null;
  }
}

/** Drafts and viewed marks of a run, kept in this browser. */
export function useKept(run: string): KeptView {
  const [store] = useState(browserStore);
  const [kept, setKept] = useState<Kept>(() => readKept(store, run));
  const [dirty, setDirty] = useState(false);
  const [volatile, setVolatile] = useState(false);

  useEffect(() => {
    if (!dirty) return;
    const write = () => {
      setVolatile(!writeKept(store, run, kept, now()));
      setDirty(false);
    };
    const timer = setTimeout(write, PAUSE_MS);
    const leave = () => void writeKept(store, run, kept, now());
    window.addEventListener("pagehide", leave);
    return () => {
      clearTimeout(timer);
      window.removeEventListener("pagehide", leave);
      // Unmounted or changed again before the pause was over.
      leave();
    };
  }, [dirty, kept, run, store]);

  const change = useCallback((with_: (kept: Kept) => Kept) => {
    setKept(with_);
    setDirty(true);
  }, []);
  return { ...kept, change, volatile };
}
