import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { draftOf, EMPTY, EVENTS, inOrder, toggled, webhookChange, webhookFaults } from "./draft";

/** The table that is made of the server's own list. */
const PAGE = readFileSync(new URL("../../../docs/webhooks.md", import.meta.url), "utf8");

it("offers every event that there is, and no other", () => {
  const rows = PAGE.split("\n").map((line) => /^\| `([a-z]+\.[a-z_]+)` \|/.exec(line)?.[1]);
  const known = rows.filter((one) => one !== undefined && one !== "webhook.test");
  expect(known.length).toBeGreaterThan(10);
  expect([...EVENTS].sort()).toEqual(known.sort());
});

it("says what is wrong with an address before the server is asked", () => {
  const fault = (address: string) => webhookFaults({ ...EMPTY, address }).address;
  expect(fault(" ")).toMatch(/Give the address/);
  expect(fault("http://example.org/")).toMatch(/https/);
  expect(fault("http://127.0.0.1.example.org/")).toMatch(/https/);
  expect(fault("http://127.0.0.1:8000/hook")).toBeUndefined();
  expect(fault("example.org")).toMatch(/https/);
  expect(fault(`https://example.org/${"a".repeat(2000)}`)).toMatch(/2000/);
  // Two bytes each.
  expect(fault(`https://example.org/${"é".repeat(995)}`)).toMatch(/2000/);
  expect(fault(" HTTPS://example.org/hook ")).toBeUndefined();
  expect(webhookFaults({ address: "https://example.org", events: [] }).events).toBeDefined();
});

it("keeps the order of the form, whichever was pressed first, and what it does not know", () => {
  expect(toggled(["card.moved"], "run.landed", true)).toEqual(["run.landed", "card.moved"]);
  expect(toggled(["run.landed", "card.moved"], "run.landed", false)).toEqual(["card.moved"]);
  const newer = ["moon.full", "run.failed", "moon.full"] as unknown as Parameters<
    typeof inOrder
  >[0];
  expect(inOrder(newer)).toEqual(["run.failed", "moon.full"]);
});

it("sends what differs alone", () => {
  const before = draftOf({
    address: "https://example.org/a",
    events: ["run.failed", "run.landed"],
  });
  expect(webhookChange(before, { ...before, address: " https://example.org/a " })).toBeNull();
  expect(webhookChange(before, { ...before, events: ["run.failed", "run.landed"] })).toBeNull();
  expect(webhookChange(before, { ...before, events: ["run.failed"] })).toEqual({
    events: ["run.failed"],
  });
  expect(webhookChange(before, { ...before, address: "https://example.org/b" })).toEqual({
    address: "https://example.org/b",
  });
});
