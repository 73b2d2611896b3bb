import { expect, test } from "vitest";
import { mayCancel } from "./may-cancel";

test("what works, waits or is queued can be stopped, and what has ended cannot", () => {
  for (const state of ["queued", "dispatching", "running", "waiting"] as const)
    expect(mayCancel({ state, reason: null })).toBe(true);
  for (const state of ["succeeded", "failed", "cancelled", "rejected"] as const)
    expect(mayCancel({ state, reason: null })).toBe(false);
});

test("a landing can be stopped while no runner has had it", () => {
  expect(mayCancel({ state: "landing", reason: "no_runner" })).toBe(true);
  expect(mayCancel({ state: "landing", reason: null })).toBe(false);
  expect(mayCancel({ state: "landing", reason: "runner_lost" })).toBe(false);
});
