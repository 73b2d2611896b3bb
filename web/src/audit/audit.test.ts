import { describe, expect, it } from "vitest";
import { auditSearch } from "../app/search";
import { auditQuery, cleaned, isBackwards, isFiltered } from "./filter";
import { signedAt } from "./head";

describe("what the address asks for", () => {
  it("is taken as far as it can be meant", () => {
    expect(auditSearch({ since: "2026-11-22", until: "soon", actor: 7, n: 1 })).toEqual({
      since: "2026-11-22",
      actor: "7",
    });
    expect(auditSearch({ since: "2026-13-45" })).toEqual({});
    expect(auditSearch({ action: "x".repeat(900) }).action).toHaveLength(200);
  });
  it("takes whole days of whoever looks, the last one too", () => {
    const { since, until } = auditQuery({ since: "2026-10-25", until: "2026-10-25" });
    const [from, to] = [new Date(since ?? ""), new Date(until ?? "")];
    expect([from.getDate(), from.getHours()]).toEqual([25, 0]);
    expect([to.getDate(), to.getHours()]).toEqual([26, 0]);
    expect(new Date(auditQuery({ until: "2026-12-31" }).until ?? "").getFullYear()).toBe(2027);
  });
  it("knows what cannot be found", () => {
    expect(isBackwards({ since: "2026-11-22", until: "2026-11-21" })).toBe(true);
    expect(isBackwards({ since: "2026-11-22", until: "2026-11-22" })).toBe(false);
    expect([isFiltered({}), isFiltered({ action: "run." })]).toEqual([false, true]);
    const typed = { actor: "", action: " run. ", resource: " ", since: "", until: "" };
    expect(cleaned(typed)).toEqual({ action: "run." });
  });
});

describe("the signed head", () => {
  const sealed = (text: string) => ({ payload: Buffer.from(text).toString("base64url") });
  it("says when", () => {
    const at = "2026-11-22T03:00:00.000001Z";
    expect(signedAt(sealed(JSON.stringify({ n: 7, at, tenant: "ten_ÿ~?" })))).toBe(at);
  });
  it.each([null, 7, {}, { payload: 7 }, { payload: "%%" }, sealed("no json"), sealed("null")])(
    "says nothing in %j",
    (checkpoint) => expect(signedAt(checkpoint)).toBeNull(),
  );
});
