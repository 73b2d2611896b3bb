import { useCallback, useEffect, useState } from "react";
import { loadDiff, type Progress } from "./diff/load";
import type { Diff } from "./diff/types";

export type DiffState =
  | { kind: "idle" }
  | { kind: "loading"; progress: Progress | null }
  | { kind: "failed"; error: unknown }
  | { kind: "ready"; diff: Diff; commit: string };

export interface DiffView {
  state: DiffState;
  retry: () => void;
}

/**
 * The diff of a run at a commit. Held here and not in the cache of queries: it can be 64 MB, and
 * one is enough.
 */
export function useDiff(run: string, commit: string | null): DiffView {
  const [state, setState] = useState<DiffState>({ kind: "idle" });
  const [round, setRound] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round is a new try.
  useEffect(() => {
    if (commit === null) {
      setState({ kind: "idle" });
      return;
    }
    const abort = new AbortController();
    setState({ kind: "loading", progress: null });
    loadDiff(run, abort.signal, (progress) => {
      if (!abort.signal.aborted) setState({ kind: "loading", progress });
    }).then(
      (diff) => abort.signal.aborted || setState({ kind: "ready", diff, commit }),
      (error: unknown) => abort.signal.aborted || setState({ kind: "failed", error }),
    );
    return () => abort.abort();
  }, [run, commit, round]);
  const retry = useCallback(() => setRound((one) => one + 1), []);
  return { state, retry };
}
