import { useEffect, useEffectEvent, useSyncExternalStore } from "react";
import type { Change, RunChange } from "./changes";
import { live } from "./live-browser";
import type { LiveState } from "./live-state";
import { session } from "./session";

/** The connection as it is now. */
export function useLiveState(): LiveState {
  return useSyncExternalStore(live.onState, live.state, live.state);
}

/** Calls with every hint; `resync` means that hints were lost. The cache is fed elsewhere. */
export function useLive(callback: (change: Change) => void): void {
  const latest = useEffectEvent(callback);
  useEffect(() => live.onChange((change) => latest(change)), []);
}

/** Calls with each hint about that run, and with null when hints may have been lost. */
export function useRunChange(run: string, callback: (change: RunChange | null) => void): void {
  useLive((change) => {
    if (change.kind === "resync") callback(null);
    else if (change.kind === "run" && change.run === run) callback(change);
  });
}

/** Whether someone is signed in; follows other tabs. */
export function useSignedIn(): boolean {
  const token = useSyncExternalStore(session.subscribe, session.token, session.token);
  return token !== null;
}
