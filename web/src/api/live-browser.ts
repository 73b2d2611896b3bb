/** The one connection of this tab, wired to the browser. */

import { api } from "./client";
import { Live, type World } from "./live";
import { feedCache } from "./live-cache";
import { Offline } from "./problem";
import { queryClient } from "./query-client";
import { session } from "./session";

/** The token that the stream was opened with. */
let opened: string | undefined;

const world: World = {
  async open(signal) {
    opened = session.token() ?? undefined;
    const response = await api.raw("GET", "/changes", {
      signal,
      timeout: null,
      headers: { Accept: "text/event-stream" },
    });
    if (response.body === null) throw new Offline();
    return response.body;
  },
  // Locks need a secure context; a page over plain HTTP from another machine has none.
  lock:
    typeof navigator !== "undefined" && navigator.locks
      ? async (name, signal, held) => {
          await navigator.locks.request(name, { signal }, held);
        }
      : null,
  channel:
    typeof BroadcastChannel === "undefined" || typeof window === "undefined"
      ? { postMessage: () => undefined, close: () => undefined, onmessage: null }
      : new BroadcastChannel("freehold.live"),
  signedOut: () => session.end("refused", opened),
  now: Date.now,
  chance: Math.random,
};

export const live = new Live(world, BUILD_VERSION || null);

/** Starts the stream while someone is signed in; called once, by the shell. */
export function startLive(): () => void {
  let running = false;
  const follow = (token: string | null) => {
    if (token === null) {
      if (running) live.stop();
      running = false;
      queryClient.clear();
    } else if (running) {
      live.reconnect();
    } else {
      running = true;
      live.start();
    }
  };
  const retry = () => {
    if (document.visibilityState === "visible" && live.state().phase === "offline") live.retry();
  };
  const undo = [feedCache(live, queryClient), session.subscribe(follow)];
  if (session.token() !== null) follow(session.token());
  document.addEventListener("visibilitychange", retry);
  window.addEventListener("online", retry);
  // A dead line can look open for a long time; trying at once tells.
  window.addEventListener("offline", live.reconnect);
  return () => {
    for (const one of undo) one();
    document.removeEventListener("visibilitychange", retry);
    window.removeEventListener("online", retry);
    window.removeEventListener("offline", live.reconnect);
    if (running) live.stop();
  };
}
