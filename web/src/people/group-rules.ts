/** What groups are here, as a form has it. Pure; the server judges. */

import type { GroupRole, Role } from "../api";
import { groups } from "../strings/groups";

const words = groups.dialog;

/** The server's own bound, in bytes. */
const GROUP_MAX = 256;

export interface GroupDraft {
  provider: string;
  /** Letter by letter: a blank at its end is the provider's. */
  group: string;
  role: Role;
}

/** What is wrong with a new one, beside those that there are. */
export function groupFault(
  { provider, group }: GroupDraft,
  known: readonly GroupRole[],
): string | null {
  if (group.trim() === "") return words.groupEmpty;
  if (new TextEncoder().encode(group).length > GROUP_MAX) return words.groupLong;
  const there = known.some((one) => one.provider === provider && one.group === group);
  return there ? words.groupKnown : null;
}

/** By provider and name, as people look for them. */
export function groupsInOrder(all: readonly GroupRole[]): GroupRole[] {
  return [...all].sort(
    (a, b) => a.provider.localeCompare(b.provider) || a.group.localeCompare(b.group),
  );
}
