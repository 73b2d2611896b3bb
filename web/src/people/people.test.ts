import { describe, expect, it } from "vitest";
import type { Member, Role } from "../api/types";
import { readAddresses } from "./addresses";
import { whyNotInvite } from "./invitations";
import {
  inOrder,
  isLastOwner,
  lowers,
  mayChange,
  mayRemove,
  memberChange,
  rolesToGive,
  undoOf,
} from "./members";

const member = (name: string, role: Role, review = false): Member =>
  ({ user: `user_${name}`, name, email: null, role, review, since: "" }) as Member;
const me = (role: Role) => ({ role, scopes: ["read:members", "write:members"] as never });

describe("members", () => {
  const [ada, bob, eve] = [
    member("Ada", "owner"),
    member("Bob", "developer"),
    member("Eve", "owner"),
  ];

  it("stand with the owners first", () => {
    expect(inOrder([bob, eve, ada]).map(({ name }) => name)).toEqual(["Ada", "Eve", "Bob"]);
  });
  it("keep an owner", () => {
    expect(isLastOwner(ada, [ada, bob])).toBe(true);
    expect(isLastOwner(ada, [ada, bob, eve])).toBe(false);
    expect(isLastOwner(bob, [ada, bob])).toBe(false);
  });
  it("are changed by admins, and owners by owners alone", () => {
    expect([mayChange(me("admin"), bob), mayChange(me("admin"), ada)]).toEqual([true, false]);
    expect([mayRemove(me("owner"), ada), mayRemove(me("developer"), bob)]).toEqual([true, false]);
    expect(mayChange(undefined, bob)).toBe(false);
    expect(rolesToGive("admin")).not.toContain("owner");
    expect(rolesToGive("owner")).toContain("owner");
  });
  it("are sent only what is another, and put back only that", () => {
    expect(memberChange(bob, { role: "developer", review: false })).toBeNull();
    const change = memberChange(bob, { role: "developer", review: true });
    expect(change).toEqual({ review: true });
    expect(undoOf(bob, change ?? {})).toEqual({ review: false });
    expect(undoOf(bob, { role: "admin" })).toEqual({ role: "developer" });
  });
  it("are warned of what takes away", () => {
    expect([lowers(ada, "admin"), lowers(bob, "admin"), lowers(bob, "developer")]).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe("addresses", () => {
  it.each([
    ["a@x.org", ["a@x.org"], []],
    [
      "a@x.org, b@y.org;c@z.org\nd@w.org e@v.org",
      "abcde".split("").map((l, i) => `${l}@${"xyzwv"[i]}.org`),
      [],
    ],
    ["Bob B. <b@y.org>, A@x.org, a@X.org", ["b@y.org", "A@x.org"], []],
    ["grace example.org, @x, a@", [], ["grace", "example.org", "@x", "a@"]],
    [' , ;\n"Eve" <eve@x@y>', [], ["eve@x@y"]],
    ["", [], []],
  ])("%j", (text, good, wrong) => expect(readAddresses(text)).toEqual({ good, wrong }));
});

it("says why nobody can be invited", () => {
  const ways = { mail: true, registration: "invited", organizations: false, providers: [] };
  expect(whyNotInvite(ways)).toBeNull();
  expect(whyNotInvite({ ...ways, mail: false })).toContain("--smtp-file");
  expect(whyNotInvite({ ...ways, registration: "closed" })).toContain("--registration");
});
