import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { type Act, BY_REVIEW, may, NEEDS, ROLES, rolesUpTo } from "./may";
import type { Role, Scope } from "./types";

/** The table that the server's own is printed as. */
const PAGE = readFileSync(new URL("../../../docs/permissions.md", import.meta.url), "utf8");

function printed(act: string): { least: Role | undefined; scope: string; byReview: boolean } {
  const row = PAGE.split("\n").find((line) => line.startsWith(`| \`${act}\` `));
  if (row === undefined) throw new Error(`the server knows no ${act}`);
  const cells = row.split("|").map((cell) => cell.trim());
  const least = ROLES[cells.slice(3, 7).indexOf("+")];
  const byReview = cells.slice(3, 7).includes("r");
  return { least, scope: (cells[7] ?? "").replaceAll("`", ""), byReview };
}

it.each(Object.keys(NEEDS) as Act[])("%s takes what the server's table says", (act) => {
  const [least, scope] = NEEDS[act];
  expect({ least, scope, byReview: BY_REVIEW.includes(act) }).toEqual(printed(act));
});

it("lets whoever has the right to review decide, and do nothing else", () => {
  const scopes = ["review", "write:board", "write:jobs"] as Scope[];
  const rights = (review: boolean) => ({ role: "viewer" as const, scopes, review });
  expect(may(rights(true), "run.approve")).toBe(true);
  expect(may(rights(true), "run.start")).toBe(false);
  expect(may(rights(false), "run.approve")).toBe(false);
  expect(may({ ...rights(true), scopes: [] }, "run.approve")).toBe(false);
});

it("lets nobody do what their role or their token's scopes leave out", () => {
  const all = ["account", "read:members", "write:members"] as Scope[];
  expect(may(undefined, "member.read")).toBe(false);
  expect(may({ role: "developer", scopes: all }, "member.edit")).toBe(false);
  expect(may({ role: "admin", scopes: all }, "member.edit")).toBe(true);
  expect(may({ role: "owner", scopes: ["read:members"] }, "member.edit")).toBe(false);
  expect(rolesUpTo("admin")).toEqual(["viewer", "developer", "admin"]);
});
