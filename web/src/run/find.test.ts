import { expect, test } from "vitest";
import type { RunEvent } from "./event";
import { goal, search } from "./find";
import { journal } from "./journal";

const events: RunEvent[] = [
  ["run.dispatching", { epoch: 1 }],
  ["step.started", { step: "agent" }],
  ["agent.tool", { id: "1", title: "Read", paths: ["src/Main.rs"] }],
  ["output", { step: "agent", stream: "stdout", base64: btoa("Hello there") }],
  ["step.finished", { step: "agent", state: "done", ms: 1 }],
  ["step.started", { step: "check" }],
  ["check.finished", { name: "tests", state: "failed" }],
].map(([type, payload], at) => ({
  seq: at + 1,
  ts: "2026-01-01T00:00:00Z",
  type: type as string,
  payload,
}));

test("words are found in what people read, in any case", () => {
  expect(search(events, "hello")).toEqual([4]);
  expect(search(events, "main.RS")).toEqual([3]);
  expect(search(events, "  ")).toEqual([]);
  expect(search(events, "nowhere")).toEqual([]);
});

test("one goes to an event by its number, to a step or a check by its name", () => {
  const told = journal(events);
  const name = (step: string) => (step === "check" ? "Checks" : step);
  const to = (text: string) => goal(text, 7, told, name);
  expect([to("3"), to("#e3"), to("e7"), to("8"), to("0")]).toEqual([3, 3, 7, null, null]);
  expect([to("agent"), to("test"), to("Checks"), to("zzz"), to("")]).toEqual([2, 7, 6, null, null]);
});
