import type { Run } from "../api/types";
import { hasEnded } from "./use-run";

/**
 * Whether there is something to stop. A landing that a runner may have begun comes to its end; one that waits for a
 * runner says what it waits for, unless one was lost over it.
 */
export function mayCancel({ state, reason }: Pick<Run, "state" | "reason">): boolean {
  if (state === "landing")
    return reason !== null && reason !== undefined && reason !== "runner_lost";
  return !hasEnded(state);
}
