/** What these pages write to the server. */

import {
  api,
  type EditMember,
  type GroupRole,
  type Invitation,
  type Member,
  type PutGroupRole,
  type Role,
} from "../api";
import type { Act } from "../api/confirm";

export function lookAtMember(member: string): Promise<Member> {
  return api.get("/members/{member}", { path: { member } });
}

export function editMember(member: string, body: EditMember, ifMatch?: string): Promise<Member> {
  return api.patch("/members/{member}", { path: { member }, body, ifMatch });
}

/** To be confirmed. */
export function removeMember(member: string): Act {
  return (headers) => api.del("/members/{member}", { path: { member }, headers });
}

/** To be confirmed. */
export const leave: Act = (headers) => api.post("/members/leave", { headers });

export function invite(email: string, role: Role, review: boolean): Promise<Invitation> {
  return api.post("/invitations", { body: { email, role, review } });
}

export function resendInvitation(invitation: string): Promise<Invitation> {
  return api.post("/invitations/{invitation}/resend", { path: { invitation } });
}

export function revokeInvitation(invitation: string): Promise<unknown> {
  return api.del("/invitations/{invitation}", { path: { invitation } });
}

export function putGroupRole(body: PutGroupRole): Promise<GroupRole> {
  return api.put("/group-roles", { body });
}

export function removeGroupRole(group: string): Promise<unknown> {
  return api.del("/group-roles/{group}", { path: { group } });
}
