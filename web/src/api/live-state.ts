/** The connection as the shell shows it. Pure. */

export type LivePhase = "connecting" | "live" | "offline" | "signed-out" | "updated";

export interface LiveState {
  phase: LivePhase;
  /** When this phase began, by this machine's clock. */
  since: number;
  /** Failures in a row. */
  failures: number;
  /** When the next attempt comes, while offline. */
  retryAt: number | null;
  /** The server's version at the first and at the latest hello. */
  first: string | null;
  version: string | null;
}

export type LiveEvent =
  | { kind: "attempt" }
  | { kind: "hello"; version: string }
  | { kind: "failed"; retryAt: number }
  | { kind: "signed-out" };

export const START: LiveState = {
  phase: "connecting",
  since: 0,
  failures: 0,
  retryAt: null,
  first: null,
  version: null,
};

/** The state after that. `updated` stays until the page is loaded anew: its code is an old one. */
export function next(state: LiveState, event: LiveEvent, at: number): LiveState {
  switch (event.kind) {
    case "attempt":
      // An attempt after a failure is still offline to the eye, or the banner would blink.
      if (state.failures > 0) return { ...state, retryAt: null };
      return to(state, "connecting", at, { retryAt: null });
    case "hello": {
      const first = state.first ?? event.version;
      const phase = first === event.version ? "live" : "updated";
      return to(state, phase, at, { first, version: event.version, failures: 0, retryAt: null });
    }
    case "failed":
      return to(state, "offline", at, { failures: state.failures + 1, retryAt: event.retryAt });
    case "signed-out":
      return to(state, "signed-out", at, { failures: 0, retryAt: null });
  }
}

/** Whether the server is of another version than this page, also while it is away again. */
export function isUpdated(state: LiveState): boolean {
  return state.version !== null && state.first !== null && state.version !== state.first;
}

function to(state: LiveState, phase: LivePhase, at: number, change: Partial<LiveState>): LiveState {
  return { ...state, ...change, phase, since: state.phase === phase ? state.since : at };
}
