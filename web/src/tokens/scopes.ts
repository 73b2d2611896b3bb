/** What a token may be given, and what of it would be of use. Pure; the server decides. */

import { atLeast, ROLES } from "../api/may";
import type { Me, Role, Scope } from "../api/types";
import { scopes as texts } from "../strings/tokens";

export type TokenScope = keyof typeof texts;
export type Kind = "own" | "service";

/** In the order in which people read them. */
export const TOKEN_SCOPES = Object.keys(texts) as TokenScope[];

/** How long a token may be good; the server takes no more than the last. */
export const DAYS = [7, 30, 90, 180, 366] as const;
export const DAYS_USUAL = 90;

/** The least role with which the scope lets one do anything; null for the right to review. */
const LEAST: Record<TokenScope, Role | null> = {
  "read:board": "viewer",
  "write:board": "developer",
  "read:jobs": "viewer",
  "write:jobs": "developer",
  review: null,
  "read:settings": "viewer",
  "write:settings": "admin",
  "read:runners": "viewer",
  "write:runners": "admin",
  "read:members": "viewer",
  "write:members": "admin",
  "llm:invoke": "viewer",
  "context:read": "viewer",
  "audit:read": "admin",
  destroy: "admin",
};

/** What can be asked for: nothing that the token in use lacks, and of services no decisions. */
export function offered(kind: Kind, me: Pick<Me, "scopes">): TokenScope[] {
  const known: readonly Scope[] = me.scopes;
  return TOKEN_SCOPES.filter(
    (scope) => known.includes(scope) && (kind === "own" || scope !== "review"),
  );
}

/** Why a scope would be of no use with that role; null where it is. */
export function useless(scope: TokenScope, role: Role, review: boolean): Role | "review" | null {
  const least = LEAST[scope];
  if (least === null) return review || atLeast(role, "admin") ? null : "review";
  return atLeast(role, least) ? null : least;
}

/** The roles that a token can be given: no more than its maker's, and no service is an owner. */
export function rolesFor(kind: Kind, mine: Role): Role[] {
  return ROLES.filter((role) => atLeast(mine, role) && (kind === "own" || role !== "owner"));
}
