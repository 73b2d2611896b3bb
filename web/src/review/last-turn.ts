import type { RunEvent } from "../api/types";

/** Steps that run checks: after the agent, and on the merged result. */
const CHECKING: readonly unknown[] = ["check", "land"];

/** What was printed since the checks were begun for the last time; all where that cannot be told. */
export function lastTurn(
  printed: readonly RunEvent[],
  started: readonly RunEvent[],
): readonly RunEvent[] {
  const begun = started
    .filter(({ payload }) => CHECKING.includes((payload as { step?: unknown } | null)?.step))
    .map(({ seq }) => seq)
    .sort((a, b) => b - a);
  for (const seq of begun) {
    const since = printed.filter((event) => event.seq > seq);
    if (since.length > 0) return since;
  }
  return printed;
}
