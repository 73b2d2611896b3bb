import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ROLES } from "../api/may";
import type { Scope } from "../api/types";
import { readCode } from "../device/code";
import { offered, rolesFor, TOKEN_SCOPES, useless } from "./scopes";

/** The tables that the server's own are printed as. */
const ROWS = readFileSync(new URL("../../../docs/permissions.md", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line.startsWith("| `"))
  .map((line) => line.split("|").map((cell) => cell.trim().replaceAll("`", "")));

describe("scopes", () => {
  it("are the server's, but for that of sessions alone", () => {
    const printed = ROWS.filter((cells) => cells.length === 4).map((cells) => cells[1]);
    expect([...TOKEN_SCOPES, "account"].sort()).toEqual(printed.sort());
  });

  it.each(TOKEN_SCOPES)("%s is of use from the role on that the server's table says", (scope) => {
    // What cannot be taken back takes a scope besides its own; of one's account no token does any of it.
    const isMarked = (cells: string[]) => cells[1]?.endsWith("!") && cells[7] !== "account";
    const acts = ROWS.filter((cells) =>
      scope === "destroy" ? isMarked(cells) : cells[7] === scope,
    );
    const least = Math.min(...acts.map((cells) => cells.slice(3, 7).indexOf("+")));
    for (const [at, role] of ROLES.entries()) {
      // Of what has no action yet nothing is known.
      const fits = acts.length === 0 || at >= least;
      expect(useless(scope, role, false) === null, role).toBe(fits);
    }
  });

  it("gives whoever has the right to review the use of it", () => {
    expect(useless("review", "viewer", true)).toBeNull();
    expect(useless("review", "developer", false)).toBe("review");
    expect(useless("write:settings", "developer", true)).toBe("admin");
  });

  it("are offered as far as one has them, and no decisions to services", () => {
    const scopes: Scope[] = ["read:board", "review", "account"];
    expect(offered("own", { scopes })).toEqual(["read:board", "review"]);
    expect(offered("service", { scopes })).toEqual(["read:board"]);
    expect(rolesFor("own", "owner")).toContain("owner");
    expect(rolesFor("service", "owner")).not.toContain("owner");
    expect(rolesFor("service", "developer")).toEqual(["viewer", "developer"]);
  });
});

describe("a device's code", () => {
  it.each([
    ["BCDF-GHJK", "BCDF-GHJK"],
    [" bcdf ghjk ", "BCDF-GHJK"],
    ["bcdfghjk", "BCDF-GHJK"],
    ["BCDF–GHJK", "BCDF-GHJK"],
    ["BCDF-GHJ", null],
    ["BCDF-GHJKL", null],
    ["ABCD-EFGH", null],
    ["BCDF-GH1K", null],
    ["", null],
  ])("%j is %j", (text, code) => expect(readCode(text)).toBe(code));
});
