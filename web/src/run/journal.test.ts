import { expect, test } from "vitest";
import type { RunEvent } from "./event";
import { journal, stepMs, timeline } from "./journal";

let seq = 0;
function at(second: number, type: string, payload: object = {}): RunEvent {
  seq += 1;
  return { seq, ts: new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString(), type, payload };
}

function lostThenLanded(): RunEvent[] {
  seq = 0;
  return [
    at(0, "run.queued", { epoch: 0, attempt: 1 }),
    at(1, "run.dispatching", { epoch: 1, attempt: 1 }),
    at(1, "run.running", { epoch: 1, attempt: 1 }),
    at(2, "step.started", { step: "stage" }),
    at(3, "step.finished", { step: "stage", state: "done", ms: 900 }),
    at(3, "step.started", { step: "agent" }),
    at(9, "run.lost", { epoch: 1, attempt: 1, reason: "runner_lost" }),
    at(9, "run.queued", { epoch: 1, attempt: 2, reason: "runner_lost" }),
    at(10, "run.dispatching", { epoch: 2, attempt: 2 }),
    at(11, "step.started", { step: "agent" }),
    at(20, "step.finished", { step: "agent", state: "done", ms: 9000, exit_code: 0 }),
    at(21, "step.started", { step: "check" }),
    at(22, "check.finished", { name: "tests", state: "failed", exit_code: 1, ms: 800 }),
    at(23, "step.finished", { step: "check", state: "done", ms: 2000 }),
    at(23, "run.waiting", { epoch: 2, reason: "checks" }),
    at(30, "run.queued", { epoch: 2, attempt: 1 }),
    at(31, "run.dispatching", { epoch: 3, attempt: 1 }),
    at(32, "step.started", { step: "agent" }),
    at(40, "step.finished", { step: "agent", state: "done", ms: 8000 }),
    at(41, "run.waiting", { epoch: 3 }),
    at(50, "run.landing", { epoch: 3 }),
    at(51, "run.landing", { epoch: 4 }),
    at(52, "step.started", { step: "land" }),
    at(53, "step.finished", { step: "land", state: "done", ms: 1000 }),
    at(53, "run.succeeded", { epoch: 4 }),
  ];
}

test("attempts, turns, what was lost and why, checks, the landing once", () => {
  const found = journal(lostThenLanded());
  expect(
    found.attempts.map((a) => [a.kind, a.epoch, a.turn, a.attempt, a.lost?.reason ?? null]),
  ).toEqual([
    ["execute", 1, 0, 1, "runner_lost"],
    ["execute", 2, 0, 2, null],
    ["execute", 3, 1, 1, null],
    ["land", 4, 1, 1, null],
  ]);
  expect(found.attempts[0]?.steps.map((step) => step.state)).toEqual(["done", "lost"]);
  expect(found.attempts[1]?.steps[1]?.checks).toEqual([
    { name: "tests", state: "failed", seq: 13, ms: 800, exitCode: 1 },
  ]);
  expect(found.attempts[1]?.steps[1]?.state).toBe("failed");
  expect(found.latest?.type).toBe("run.succeeded");
});

test("a step that failed keeps its exit code", () => {
  seq = 0;
  const events = [
    at(0, "run.dispatching", { epoch: 1 }),
    at(1, "step.started", { step: "setup" }),
    at(2, "step.finished", { step: "setup", state: "failed", exit_code: 2, ms: 10 }),
    at(2, "run.failed", { reason: "setup_failed" }),
  ];
  expect(journal(events).attempts[0]?.steps[0]).toMatchObject({ state: "failed", exitCode: 2 });
  expect(journal([]).attempts).toEqual([]);
});

test("a step that runs grows with the clock; the runner's own count wins", () => {
  const found = journal(lostThenLanded().slice(0, 6));
  const [stage, agent] = found.attempts[0]?.steps ?? [];
  if (!stage || !agent) throw new Error("two steps");
  const now = Date.UTC(2026, 0, 1, 0, 1, 3);
  expect(stepMs(stage, now)).toBe(900);
  expect(stepMs(agent, now)).toBe(60_000);
});

test("the picture of time adds up, and nothing that took time is invisible", () => {
  const events = lostThenLanded();
  const slices = timeline(journal(events), events[0]?.ts ?? "", Date.UTC(2026, 0, 1));
  expect(slices.reduce((sum, slice) => sum + slice.share, 0)).toBeCloseTo(1);
  expect(Math.min(...slices.map((slice) => slice.share))).toBeGreaterThan(0.01);
  expect(slices[0]).toMatchObject({ state: "queue", ms: 1000 });
});
