/** The way to a provider of identities and back: what this tab keeps meanwhile, and what it comes back with. */

import { api } from "../api/client";

/** In the tab's own storage, which outlives the way there and is no other tab's. */
const KEY = "freehold.way";

export type Purpose = "sign-in" | "link";

export interface Kept {
  provider: string;
  /** Whoever has it turns the answer in. */
  secret: string;
  purpose: Purpose;
  /** Where one wanted to be. */
  back?: string;
}

/** What a provider sent the browser back with. */
export type Came =
  | { kind: "answer"; code: string; state: string; iss: string | null }
  | { kind: "refused"; error: string }
  | { kind: "nothing" };

function storage(): Storage | null {
  try {
    return globalThis.sessionStorage ?? null;
  } catch {
    return null;
  }
}

export function keep(kept: Kept): void {
  storage()?.setItem(KEY, JSON.stringify(kept));
}

/** What was kept for that provider; it is of use once. */
export function takeKept(provider: string): Kept | null {
  const text = storage()?.getItem(KEY) ?? null;
  storage()?.removeItem(KEY);
  if (text === null) return null;
  try {
    const kept = JSON.parse(text) as Kept;
    const whole = typeof kept.secret === "string" && kept.provider === provider;
    return whole ? kept : null;
  } catch {
    return null;
  }
}

/** Reads the address that a provider sent the browser back to. */
export function cameWith(search: string): Came {
  const words = new URLSearchParams(search);
  const [code, state, error] = [words.get("code"), words.get("state"), words.get("error")];
  if (error !== null) return { kind: "refused", error };
  if (code === null || state === null) return { kind: "nothing" };
  return { kind: "answer", code, state, iss: words.get("iss") };
}

/** The same, and out of the address: it would stay in the history and in a picture of the screen. */
export function takeCame(page: Window): Came {
  const came = cameWith(page.location.search);
  if (came.kind !== "nothing") {
    page.history.replaceState(page.history.state, "", page.location.pathname);
  }
  return came;
}

/** Whether it is a page to go to, and nothing that a browser would run. */
export function isPage(url: string): boolean {
  try {
    return ["https:", "http:"].includes(new URL(url).protocol);
  } catch {
    return false;
  }
}

interface Way {
  provider: string;
  purpose: Purpose;
  back?: string;
  invitation?: string;
  /** The account's password, where it has one: another way in wants it. */
  current?: string;
}

/** Asks where to go, and keeps what brings the answer back. */
export async function setOut(way: Way): Promise<string> {
  const { provider, purpose, back, invitation, current } = way;
  const begun =
    purpose === "link"
      ? await api.post("/account/identities/begin", {
          body: { provider, current: current ?? null },
          proof: true,
        })
      : await api.post("/sign-in/oidc/{provider}", {
          path: { provider },
          body: { invitation: invitation ?? null },
          token: null,
        });
  if (!isPage(begun.url)) throw new TypeError("the provider has no page");
  keep({ provider, secret: begun.secret, purpose, back });
  return begun.url;
}
