import { describe, expect, it } from "vitest";
import { groups, type Item, type Kind, keyOf, stay, step } from "./groups";

const item = (kind: Kind, id: string, since: string): Item => ({ kind, since, run: { id } });

describe("groups", () => {
  it("puts decisions first and the newest first in each", () => {
    const items = [
      item("stuck", "run_1", "2026-11-21T10:00:00Z"),
      item("review", "run_2", "2026-11-21T08:00:00Z"),
      item("review", "run_3", "2026-11-21T09:00:00.5Z"),
      item("review", "run_4", "2026-11-21T09:00:00.5Z"),
    ];
    const shape = groups(items).map((group) => [
      group.kind,
      ...group.items.map((one) => one.run.id),
    ]);
    expect(shape).toEqual([
      ["review", "run_4", "run_3", "run_2"],
      ["stuck", "run_1"],
    ]);
    expect(groups([])).toEqual([]);
  });
});

describe("stay", () => {
  it("keeps the item, goes to the next one that is left, or to the last", () => {
    expect(stay(["a", "b"], ["a", "b"], "b")).toBe("b");
    expect(stay(["a", "c"], ["a", "b", "c"], "b")).toBe("c");
    expect(stay(["a"], ["a", "b"], "b")).toBe("a");
    expect(stay(["x", "a"], ["a", "b"], "gone")).toBe("x");
    expect(stay([], ["a"], "a")).toBeNull();
    expect(stay(["a"], [], null)).toBeNull();
  });
});

describe("step", () => {
  it("begins at an end and stops at the other", () => {
    expect(step(["a", "b"], null, 1)).toBe("a");
    expect(step(["a", "b"], null, -1)).toBe("b");
    expect(step(["a", "b"], "a", 1)).toBe("b");
    expect(step(["a", "b"], "b", 1)).toBe("b");
    expect(step(["a", "b"], "a", -1)).toBe("a");
    expect(step([], "a", 1)).toBeNull();
  });
});

it("a run can need two things", () => {
  expect(keyOf(item("failed", "run_1", ""))).not.toBe(keyOf(item("stuck", "run_1", "")));
});
