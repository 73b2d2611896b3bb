import { expect, it } from "vitest";
import type { GroupRole } from "../api";
import { groupFault, groupsInOrder } from "./group-rules";

const known: GroupRole[] = [
  { id: "2", provider: "corp", group: "/ops", role: "admin" },
  { id: "3", provider: "club", group: "/ops", role: "viewer" },
  { id: "1", provider: "corp", group: "/eng", role: "developer" },
];
const draft = (group: string, provider = "corp") => ({ provider, group, role: "viewer" as const });

it("takes a group once for each provider, letter by letter", () => {
  expect(groupFault(draft("/ops"), known)).toMatch(/already/);
  expect(groupFault(draft("/Ops"), known)).toBeNull();
  expect(groupFault(draft("/eng", "club"), known)).toBeNull();
});

it("counts bytes, as the server does", () => {
  expect(groupFault(draft("  "), [])).toMatch(/Give/);
  expect(groupFault(draft("a".repeat(256)), [])).toBeNull();
  expect(groupFault(draft("ä".repeat(129)), [])).toMatch(/256/);
});

it("lists by provider, then by name", () => {
  expect(groupsInOrder(known).map(({ id }) => id)).toEqual(["3", "1", "2"]);
});
