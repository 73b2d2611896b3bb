/** What this page writes to the server. */

import { api, exchange, isProblem, type NewSession } from "../api";
import type { Act } from "../api/confirm";
import { stillGood } from "../sign-in/enter";

/** All other sessions end; this one goes on with another token. */
export async function changePassword(current: string, password: string): Promise<NewSession> {
  try {
    const body = { current, password };
    return await exchange(() => api.post("/account/password", { body, proof: true }));
  } catch (error) {
    // It may be the session after all that is not good any more: asking ends it then.
    if (isProblem(error, "unauthenticated")) await stillGood();
    throw error;
  }
}

export function endSession(session: string): Promise<unknown> {
  return api.del("/account/sessions/{session}", { path: { session } });
}

/** To be confirmed. */
export const endOtherSessions: Act = (headers) => api.del("/account/sessions", { headers });
