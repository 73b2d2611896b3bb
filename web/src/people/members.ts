/** What may be done with which member. Pure; the server decides. */

import { atLeast, may, type Rights, rolesUpTo } from "../api/may";
import type { EditMember, Member, Role } from "../api/types";

export interface MemberDraft {
  role: Role;
  review: boolean;
}

/** Owners first, then by name: who decides is found at once. */
export function inOrder(members: readonly Member[]): Member[] {
  return members.toSorted(
    (a, b) => Number(b.role === "owner") - Number(a.role === "owner") || byName(a, b),
  );
}

function byName(a: Member, b: Member): number {
  return a.name.localeCompare(b.name) || a.user.localeCompare(b.user);
}

export function isLastOwner(member: Member, members: readonly Member[]): boolean {
  return member.role === "owner" && members.filter((one) => one.role === "owner").length < 2;
}

/** What concerns an owner is for owners. */
export function mayChange(me: Rights | undefined, member: Member): boolean {
  return may(me, "member.edit") && (member.role !== "owner" || me?.role === "owner");
}

export function mayRemove(me: Rights | undefined, member: Member): boolean {
  return may(me, "member.remove") && (member.role !== "owner" || me?.role === "owner");
}

/** What somebody with that role can make of others. */
export function rolesToGive(mine: Role): Role[] {
  return rolesUpTo(mine === "owner" ? "owner" : "admin");
}

/** Only what is another: what two people change at once, each keeps. Null where nothing is. */
export function memberChange(member: Member, draft: MemberDraft): EditMember | null {
  const change: EditMember = {};
  if (draft.role !== member.role) change.role = draft.role;
  if (draft.review !== member.review) change.review = draft.review;
  return Object.keys(change).length === 0 ? null : change;
}

/** What puts that change back. */
export function undoOf(member: Member, change: EditMember): EditMember {
  const undo: EditMember = {};
  if (change.role != null) undo.role = member.role;
  if (change.review != null) undo.review = member.review;
  return undo;
}

/** Whether it takes something away that the role before gave. */
export function lowers(member: Member, role: Role): boolean {
  return member.role !== role && atLeast(member.role, role);
}

/** Admins decide on finished work without being given it. */
export function reviewsByRole(role: Role): boolean {
  return atLeast(role, "admin");
}
