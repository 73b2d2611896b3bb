import { type Card, isProblem, Offline, toProblem } from "../api";
import { api } from "../api/client";
import type { Change } from "./pending";

/** Asks the server for a change; what it answers is the card as it stands since. */
export function send(change: Change): Promise<Card> {
  const path = { card: change.card };
  switch (change.kind) {
    case "move": {
      const { lane, before } = change.place;
      return api.post("/cards/{card}/move", { path, body: { lane, from: change.from, before } });
    }
    case "archive":
      return api.post("/cards/{card}/archive", { path });
    case "restore":
      return api.post("/cards/{card}/restore", { path });
  }
}

/** Why a change was not made, as far as a person can do something about it. */
export type Refusal =
  | { readonly kind: "offline" }
  | { readonly kind: "gone" }
  /** Someone else moved it; to where it stands now, when that could be found out. */
  | { readonly kind: "meanwhile"; readonly lane: string | null }
  | { readonly kind: "live" }
  | { readonly kind: "other"; readonly detail: string; readonly next: string };

/** Looks at the card where the refusal means that the page has an old picture of it. */
export async function refusalOf(
  change: Change,
  error: unknown,
  look: (id: string) => Promise<Card>,
): Promise<Refusal> {
  if (error instanceof Offline) return { kind: "offline" };
  if (isProblem(error, "not_found")) return { kind: "gone" };
  if (isProblem(error, "run_live")) return { kind: "live" };
  if (change.kind === "move" && isProblem(error, "conflict")) {
    const card = await look(change.card).catch(() => null);
    return { kind: "meanwhile", lane: card?.lane ?? null };
  }
  const { detail, title, next } = toProblem(error);
  return { kind: "other", detail: detail || title, next };
}

export function lookAt(id: string): Promise<Card> {
  return api.get("/cards/{card}", { path: { card: id } });
}
