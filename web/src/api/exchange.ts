/** Has the session's token exchanged for another one: in another organization, or after a change. */

import { api } from "./client";
import { RENEW_LOCK } from "./renew-browser";
import { session } from "./session";
import type { NewSession } from "./types";

/** Longer than a renewal of another tab takes, which is waited for. */
const WAIT_MS = 15_000;

/**
 * `ask` gives the next session in the place of the present one. Meanwhile no tab renews it: of two
 * that ask with one token, the server gives one another. All tabs go on with what was given.
 */
export async function exchange(ask: () => Promise<NewSession>): Promise<NewSession> {
  const locks = typeof navigator === "undefined" ? undefined : navigator.locks;
  // Locks need a secure context; where there are none, the second of two is told so by the server.
  if (!locks) return take(ask);
  return locks.request(RENEW_LOCK, { signal: AbortSignal.timeout(WAIT_MS) }, () => take(ask));
}

async function take(ask: () => Promise<NewSession>): Promise<NewSession> {
  const old = session.token() ?? "";
  const given = await ask();
  const { token, renew_at, organization } = given;
  // Whoever signed out meanwhile has signed out.
  if (!session.replace(old, token, renew_at, organization)) {
    await api.post("/sign-out", { token }).catch(() => undefined);
  }
  return given;
}
