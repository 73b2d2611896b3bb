import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useLiveState, useRunChange } from "../api/live-hooks";
import { queries } from "../api/queries";
import type { Run, RunState } from "../api/types";

/** While hints do not come, the run is looked at this often. */
const GLANCE_MS = 5_000;

const ENDED: ReadonlySet<RunState> = new Set(["succeeded", "failed", "cancelled", "rejected"]);

/** Whether nothing can change any more. */
export function hasEnded(state: RunState): boolean {
  return ENDED.has(state);
}

/** Whether a runner has something to do for it, now or soon. */
export function isWorking(state: RunState): boolean {
  return !ENDED.has(state) && state !== "waiting";
}

export interface RunView {
  run: Run | undefined;
  /** The newest event that is known of. */
  last: number;
  problem: unknown;
  pending: boolean;
  retry: () => void;
}

/** A run and how far it has come. */
export function useRun(id: string): RunView {
  const { phase } = useLiveState();
  const connected = phase === "live" || phase === "updated";
  const query = useQuery({
    ...queries.run(id),
    refetchInterval: ({ state }) =>
      connected || (state.data && hasEnded(state.data.state)) ? false : GLANCE_MS,
  });
  const [hinted, setHinted] = useState({ run: id, last: 0 });
  useRunChange(id, (change) => {
    if (!change) return;
    setHinted((before) => ({
      run: id,
      last: before.run === id ? Math.max(before.last, change.last_seq) : change.last_seq,
    }));
  });
  return {
    run: query.data,
    last: Math.max(query.data?.last_seq ?? 0, hinted.run === id ? hinted.last : 0),
    problem: query.error,
    pending: query.isPending,
    retry: () => void query.refetch(),
  };
}
