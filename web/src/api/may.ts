/** What the server lets somebody do, so that pages offer nothing else. The server decides. Pure. */

import type { Me, Role, Scope } from "./types";

/** The least first. */
export const ROLES: readonly Role[] = ["viewer", "developer", "admin", "owner"];

/** As `docs/permissions.md` has them, which a test compares. */
export const NEEDS = {
  "account.read": ["viewer", "account"],
  "account.password": ["viewer", "account"],
  "session.list": ["viewer", "account"],
  "session.end": ["viewer", "account"],
  "organization.list": ["viewer", "account"],
  "organization.create": ["viewer", "account"],
  "organization.enter": ["viewer", "account"],
  "device.approve": ["viewer", "account"],
  "token.list": ["viewer", "account"],
  "token.create": ["viewer", "account"],
  "token.revoke": ["viewer", "account"],
  "member.leave": ["viewer", "account"],
  "member.read": ["viewer", "read:members"],
  "member.edit": ["admin", "write:members"],
  "member.remove": ["admin", "write:members"],
  "invitation.read": ["viewer", "read:members"],
  "invitation.create": ["admin", "write:members"],
  "invitation.revoke": ["admin", "write:members"],
  "group_role.read": ["viewer", "read:members"],
  "group_role.edit": ["owner", "write:members"],
  "service_token.list": ["admin", "account"],
  "service_token.create": ["admin", "account"],
  "service_token.revoke": ["admin", "account"],
  "webhook.read": ["admin", "read:settings"],
  "webhook.edit": ["admin", "write:settings"],
  "audit.read": ["admin", "audit:read"],
  "audit.export": ["admin", "audit:read"],
  "card.add": ["developer", "write:board"],
  "card.edit": ["developer", "write:board"],
  "card.move": ["developer", "write:board"],
  "card.archive": ["developer", "write:board"],
  "card.restore": ["developer", "write:board"],
  "run.start": ["developer", "write:jobs"],
  "run.reply": ["developer", "write:jobs"],
  "run.cancel": ["developer", "write:jobs"],
  "run.approve": ["admin", "review"],
  "run.reject": ["admin", "review"],
  "project.add": ["admin", "write:settings"],
  "project.edit": ["admin", "write:settings"],
  "agent.add": ["admin", "write:settings"],
  "agent.edit": ["admin", "write:settings"],
  "agent.remove": ["admin", "write:settings"],
  "provider.add": ["admin", "write:settings"],
  "provider.edit": ["admin", "write:settings"],
  "provider.remove": ["admin", "write:settings"],
  "runner.enrol": ["admin", "write:runners"],
  "runner.revoke": ["admin", "write:runners"],
} as const satisfies Record<string, readonly [Role, Scope]>;

export type Act = keyof typeof NEEDS;
export type Rights = Pick<Me, "role" | "scopes"> & Partial<Pick<Me, "review">>;

/** What the right to review gives, whatever the role. */
export const BY_REVIEW: readonly Act[] = ["run.approve", "run.reject"];

export function atLeast(role: Role, least: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(least);
}

/** False while nobody knows who asks: what then comes is better than what then goes. */
export function may(me: Rights | undefined, act: Act): boolean {
  if (me === undefined) return false;
  const [least, scope] = NEEDS[act];
  const able = atLeast(me.role, least) || (me.review === true && BY_REVIEW.includes(act));
  return able && me.scopes.includes(scope);
}

/** The roles up to that one, the least first. */
export function rolesUpTo(most: Role): Role[] {
  return ROLES.filter((role) => atLeast(most, role));
}
