import type { LiveState } from "../api/live-state";

/** A server that restarts is back within this; nobody needs to hear of it. */
const SHORT_MS = 1_500;
/** After this, it is time to say what to look at. */
const LONG_MS = 30_000;

export type ConnectionWords =
  | { kind: "quiet" }
  | { kind: "connecting" }
  /** `retryIn` is in whole seconds; null while an attempt is under way. */
  | { kind: "offline"; retryIn: number | null; long: boolean };

/** What the shell says about the connection. Pure. */
export function connectionWords(state: LiveState, now: number): ConnectionWords {
  const lasted = now - state.since;
  if (state.phase === "connecting" && lasted > SHORT_MS) return { kind: "connecting" };
  if (state.phase !== "offline" || lasted < SHORT_MS) return { kind: "quiet" };
  const left = state.retryAt === null ? null : Math.ceil((state.retryAt - now) / 1_000);
  return {
    kind: "offline",
    retryIn: left === null || left <= 0 ? null : left,
    long: lasted > LONG_MS,
  };
}
