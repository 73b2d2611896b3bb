/** The renewal of this tab, wired to the browser. */

import { now } from "../lib/clock";
import { api } from "./client";
import { Renewal, type World } from "./renew";
import { session } from "./session";

/** Whoever has another token given for the session holds it: of two, one would be refused. */
export const RENEW_LOCK = "freehold.renew";
const LOOK_MS = 5_000;
/** So that a lost answer is noticed while the token before is still good. */
const TIMEOUT_MS = 10_000;

const world: World = {
  token: session.token,
  renewAt: session.renewAt,
  renewLater: () => session.renewLater(),
  replace: (old, next) => session.replace(old, next.token, next.renew_at, next.organization),
  renew: (token) => api.post("/session/renew", { token, timeout: TIMEOUT_MS }),
  async beginAnew(token) {
    const link = await api.post("/sign-in/tokens", { token, timeout: TIMEOUT_MS });
    const body = { token: link.token };
    return api.post("/sign-in", { body, token: null, timeout: TIMEOUT_MS });
  },
  drop: (token) => api.post("/sign-out", { token }),
  // Locks need a secure context; where there are none, the server gives one of several tabs a token.
  async alone(held) {
    if (!navigator.locks) return held();
    await navigator.locks.request(RENEW_LOCK, { ifAvailable: true }, async (lock) => {
      if (lock !== null) await held();
    });
  },
  used: () => document.visibilityState === "visible",
  now,
  pause: (ms) => new Promise((done) => setTimeout(done, ms)),
};

/** Keeps the session going while the page is used; called once, by the root. */
export function startRenewal(): () => void {
  const renewal = new Renewal(world);
  const look = () => void renewal.look().catch(() => undefined);
  const timer = setInterval(look, LOOK_MS);
  document.addEventListener("visibilitychange", look);
  look();
  return () => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", look);
  };
}
