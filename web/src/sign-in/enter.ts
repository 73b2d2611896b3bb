import { isProblem } from "../api";
import { api } from "../api/client";
import { session } from "../api/session";

/** Whether the session that is there is still good. One that is not is ended by the asking. */
export async function stillGood(): Promise<boolean> {
  if (session.token() === null) return false;
  try {
    await api.get("/me");
    return true;
  } catch (error) {
    if (isProblem(error, "unauthenticated")) return false;
    throw error;
  }
}

/** Signs this browser in. Who is signed in already stays so, and the link stays good. */
export async function enter(token: string): Promise<void> {
  if (await stillGood()) return;
  const answer = await api.post("/sign-in", { body: { token } });
  session.begin(answer.token);
}

/**
 * Takes the token out of the address, before anything else happens: it would stay in the history,
 * in a bookmark and in a picture of the screen.
 */
export function takeFragment(page: Window, read: (hash: string) => string | null): string | null {
  const token = read(page.location.hash);
  if (token !== null) {
    const { pathname, search } = page.location;
    page.history.replaceState(page.history.state, "", pathname + search);
  }
  return token;
}
