/** Members and invitations. */

import { plural } from "../lib/text";

export const roles = {
  viewer: {
    title: "Viewer",
    body: "Sees everything and changes nothing.",
  },
  developer: {
    title: "Developer",
    body: "Works on the board and has agents work.",
  },
  admin: {
    title: "Admin",
    body: "Sets the organization up, invites people, and decides on finished work.",
  },
  owner: {
    title: "Owner",
    body: "An admin who also decides who else is an owner.",
  },
} as const;

const AS = {
  viewer: "a viewer",
  developer: "a developer",
  admin: "an admin",
  owner: "an owner",
} as const;

export const people = {
  title: "Members",
  lead: "Who is in this organization, and what each may do.",
  seats: (members: number, limit: number | null) =>
    limit === null
      ? `${plural(members, "member")}. There may be as many as you like.`
      : `${members} of ${plural(limit, "seat")} in use.`,
  full: "No seat is left: who accepts an invitation is told so. Remove somebody, or ask whoever operates the server for more seats.",
  you: "you",
  columns: {
    name: "Name",
    role: "Role",
    review: "Reviews",
    since: "Since",
    actions: "Actions",
  },
  reviews: "Yes",
  alsoReviews: "and reviews",
  reviewsNot: "No",
  reviewsByRole: "Yes, as every admin",
  noAddress: "no address",
  actions: (name: string) => `Actions for ${name}`,
  edit: "Change the role…",
  remove: "Remove…",
  leave: "Leave…",
  ownersOnly: "Who is an owner, owners decide.",
  as: (role: string) => AS[role as keyof typeof AS] ?? role,
  edited: (name: string, role: string) => `${name} is ${AS[role as keyof typeof AS] ?? role} now`,
  reviewsNow: (name: string, now: boolean) =>
    now ? `${name} decides on finished work now` : `${name} does not decide on finished work now`,
  undo: "Undo",
  undone: (name: string) => `${name} is what they were before`,
  undoFailed: (name: string) => `${name} could not be made what they were before`,
  editDialog: {
    title: (name: string) => `What ${name} may do`,
    role: "Role",
    review: "The right to review",
    reviewLabel: "Decides on finished work",
    reviewHint: "Approves and rejects, whatever the role.",
    reviewByRole: "Admins and owners do, without this.",
    lastOwner: "The organization keeps at least one owner. Make somebody else an owner first.",
    lowerSelf: "You take this from yourself: you cannot give it back to yourself.",
    lower: "Invitations that they sent and that are open end.",
    submit: "Save",
  },
  removeDialog: {
    title: (name: string) => `Remove ${name}?`,
    body: [
      "They are signed out here at once, in every browser.",
      "Runs that they started and that are not over are cancelled.",
      "Tokens of theirs are void. The organization's own tokens stay.",
      "Cards, reviews and the record stay as they are.",
    ],
    back: "To come back they need an invitation.",
    confirm: "Remove",
    done: (name: string) => `${name} is removed`,
  },
  leaveDialog: {
    title: (organization: string) => `Leave ${organization}?`,
    body: [
      "You are signed out of it at once, in every browser.",
      "Runs that you started and that are not over are cancelled.",
      "Your tokens here are void.",
    ],
    back: "Your account stays, and so does your place in other organizations. To come back here you need an invitation.",
    confirm: "Leave",
    lastTitle: "You are the last owner",
    last: "An organization keeps at least one owner. Make somebody else an owner first; then you can leave.",
  },
  leaveTitle: "Leave the organization",
  leaveHint: "What you started ends, and your tokens here are void.",
  leaveButton: "Leave…",
} as const;

export const invitations = {
  title: "Invitations",
  lead: "Open ones hold no seat. Each works once, for a week, for its address alone.",
  invite: "Invite people",
  columns: {
    address: "Address",
    role: "Role",
    by: "Invited by",
    sent: "Sent",
    expires: "Good until",
    actions: "Actions",
  },
  andReviews: "reviews",
  expired: "Expired",
  nobody: "somebody who left",
  actions: (address: string) => `Actions for the invitation of ${address}`,
  resend: "Send it again",
  resent: (address: string) => `A new mail is on its way to ${address}; the link before is void`,
  resendFailed: (address: string) => `${address} was not written to`,
  revoke: "Take it back…",
  revokeTitle: (address: string) => `Take the invitation of ${address} back?`,
  revokeBody: "The link that was mailed is void at once. You can invite the address anew.",
  revokeConfirm: "Take it back",
  revoked: (address: string) => `The invitation of ${address} is taken back`,
  empty: { title: "Nobody is invited", body: "Who is invited gets a mail with a link to join." },
  noMailTitle: "Nobody can be invited from here",
  noMail:
    "The server sends no mail, and a link goes to nobody but the reader of the address. Whoever operates it sets mail up: freehold server --smtp-file FILE.",
  closed:
    "Nobody gets an account on this server but who has one. Whoever operates it allows more: freehold server --registration invited.",
  dialog: {
    title: "Invite people",
    addresses: "Addresses",
    addressesHint: "One or more, with spaces, commas or lines between. Each gets a mail.",
    addressesNone: "Give at least one address, like grace@example.org.",
    addressesWrong: (wrong: string) => `This is no address: ${wrong}`,
    addressesMany: (max: number) => `Invite ${max} at once at most.`,
    role: "What they are to be",
    review: "They decide on finished work",
    reviewHint: "Approve and reject, whatever the role.",
    submit: (n: number) => (n > 1 ? `Invite ${n} people` : "Invite"),
    sending: "Sending the invitations…",
    partly: (done: number, left: number) =>
      `${plural(done, "invitation")} sent, ${left} not. What is left stands above; mend it or try again.`,
    why: (address: string, why: string) => `${address}: ${why}`,
    done: (n: number) => (n === 1 ? "The invitation is on its way" : `${n} invitations are sent`),
  },
} as const;
