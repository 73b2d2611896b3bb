import { useQuery } from "@tanstack/react-query";
import { useCallback, useMemo } from "react";
import type { RunState } from "../api";
import { queries } from "../api/queries";
import { type Board, type Card, LANES } from "./lanes";
import { isWorking } from "./state";

const WORKING: readonly RunState[] = ["dispatching", "running", "landing"];

/** Since when each run of the project is at work. Cards do not carry it, so it is asked for while one is. */
export function useSince(project: string, board: Board): (card: Card) => string | null {
  const any = LANES.some((lane) => board[lane].some((card) => isWorking(card.run_state)));
  const runs = useQuery({ ...queries.runs({ project, state: WORKING }), enabled: any });
  const since = useMemo(
    () => new Map(runs.data?.items.map((run) => [run.id, run.started_at])),
    [runs.data],
  );
  return useCallback((card) => (card.run ? (since.get(card.run) ?? null) : null), [since]);
}
