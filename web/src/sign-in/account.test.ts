import { describe, expect, it } from "vitest";
import type { SignInWays } from "../api/types";
import { account as words } from "../strings/account";
import { addressFault, againAt, newPasswordFault } from "./account-faults";
import { shown } from "./ways";

const OPEN: SignInWays = { registration: "open", organizations: true, mail: true, providers: [] };

describe("shown", () => {
  it("offers a mail and an account where the server has them", () => {
    expect(shown(undefined, OPEN)).toEqual({ view: "password", forgotten: true, register: true });
    expect(shown("register", OPEN).view).toBe("register");
  });

  it("offers nothing that the server would refuse", () => {
    const invited = { ...OPEN, registration: "invited" };
    expect(shown("register", invited)).toEqual({
      view: "password",
      forgotten: true,
      register: false,
    });
    const mute = { ...OPEN, mail: false };
    for (const wanted of ["forgotten", "register"] as const) {
      expect(shown(wanted, mute)).toEqual({ view: "password", forgotten: false, register: false });
    }
  });

  it("begins with the link where people get no accounts, or the server did not say", () => {
    const local = { ...OPEN, registration: "closed", mail: false };
    for (const ways of [local, null]) {
      expect(shown(undefined, ways)).toEqual({ view: "link", forgotten: false, register: false });
      expect(shown("password", ways).view).toBe("password");
    }
  });
});

describe("what is wrong", () => {
  it("counts a password's characters, not their halves", () => {
    expect(newPasswordFault("a tall blue horse")).toBeUndefined();
    expect(newPasswordFault("🐎".repeat(11))).toBe(words.faults.short(1));
    expect(newPasswordFault("🐎".repeat(12))).toBeUndefined();
    expect(newPasswordFault("")).toBe(words.faults.short(12));
  });

  it("lets the server judge what looks like an address", () => {
    expect(addressFault(" grace@example.org ")).toBeUndefined();
    for (const text of ["", "grace", "grace@", "@example.org", "grace hopper@example.org"]) {
      expect(addressFault(text)).toBe(words.faults.address);
    }
  });
});

describe("againAt", () => {
  const noon = new Date(2026, 10, 22, 12, 0, 0).getTime();
  it("says when, in what people count with", () => {
    expect(againAt(30, noon)).toBe(words.again.seconds(30, "12:00:30"));
    expect(againAt(1, noon)).toContain("1 second,");
    expect(againAt(901, noon)).toBe(words.again.minutes(16, "12:16"));
  });
  it("says nothing where the server did not", () => {
    for (const none of [undefined, null, 0]) expect(againAt(none, noon)).toBeNull();
  });
});
