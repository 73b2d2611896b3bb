import type { Card } from "./lanes";

export type RunState = NonNullable<Card["run_state"]>;

const ENDED: ReadonlySet<string> = new Set(["succeeded", "failed", "cancelled", "rejected"]);

/** Whether a run in this state will go on by itself or by a person's word. A state newer than this page is live. */
export function isLive(state: string | null | undefined): boolean {
  return state != null && !ENDED.has(state);
}

/** Whether the card waits for a person. */
export function waits(card: Card): boolean {
  return card.run_state === "waiting";
}

/**
 * Whether the latest run went wrong and nobody has closed the card since. Work that its checks
 * rejected went wrong; work that a person rejected was decided.
 */
export function isFailed(card: Card): boolean {
  const wrong =
    card.run_state === "failed" ||
    (card.run_state === "rejected" && card.run_reason !== "rejected_by_person");
  return wrong && card.lane !== "Done" && card.archived_at === null;
}

/** Whether an agent is at work on it now, so that an elapsed time means something. */
export function isWorking(state: string | null | undefined): boolean {
  return state === "running" || state === "landing" || state === "dispatching";
}
