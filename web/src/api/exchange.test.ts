import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { exchange } from "./exchange";
import { session } from "./session";
import type { NewSession } from "./types";

const given = (token: string, organization = "army"): NewSession =>
  ({ token, organization, renew_at: "2026-11-23T00:00:00Z", expires_at: "" }) as NewSession;

/** One lock for all, in the order of who asks. */
let held: Promise<unknown> = Promise.resolve();
const request = (_: string, __: unknown, run: () => Promise<unknown>) => {
  const mine = held.then(run);
  held = mine.catch(() => undefined);
  return mine;
};

beforeEach(() => {
  held = Promise.resolve();
  vi.stubGlobal("navigator", { locks: { request } });
  session.begin("old", undefined, "navy");
});
afterEach(() => vi.unstubAllGlobals());

it("waits for a renewal of another tab, and goes on with what that gave", async () => {
  let renewed = () => {};
  void request("", null, () => new Promise<void>((done) => (renewed = done)));
  const asked: (string | null)[] = [];
  const going = exchange(async () => {
    asked.push(session.token());
    return given("next");
  });
  await Promise.resolve();
  expect(asked).toEqual([]);
  session.replace("old", "renewed", undefined, "navy");
  renewed();
  await going;
  expect(asked).toEqual(["renewed"]);
  expect([session.token(), session.organization()]).toEqual(["next", "army"]);
});

it("leaves everything as it was where the server refuses", async () => {
  const refused = exchange(() => Promise.reject(new Error("no")));
  await expect(refused).rejects.toThrow("no");
  expect([session.token(), session.organization()]).toEqual(["old", "navy"]);
});

it("gives back what came after somebody signed out", async () => {
  const fetch = vi.fn(async () => new Response(null, { status: 204 }));
  vi.stubGlobal("fetch", fetch);
  await exchange(async () => {
    session.end("signed-out");
    return given("late");
  });
  expect(session.token()).toBeNull();
  const [path, init] = fetch.mock.calls[0] as unknown as [string, RequestInit];
  expect(path).toBe("/api/v1/sign-out");
  expect(init.headers).toMatchObject({ Authorization: "Bearer late" });
});
