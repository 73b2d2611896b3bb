import { expect, it } from "vitest";
import type { InboxItem } from "../api";
import { placeOf, remedyOf } from "./place";

const item = (kind: InboxItem["kind"]) => ({ kind, run: { id: "run_1" } }) as InboxItem;

it("leads to where it is dealt with", () => {
  expect(placeOf(item("review")).to).toBe("/runs/$run/review");
  expect(placeOf(item("failed")).to).toBe("/runs/$run");
  expect(placeOf(item("stuck"))).toEqual({ to: "/runs/$run", params: { run: "run_1" } });
});

it("knows what gets a stuck run going", () => {
  expect(remedyOf("no_runner")).toBe("runner");
  expect(remedyOf("no_runner_with_label")).toBe("labels");
  expect(remedyOf("no_runner_with_isolation")).toBe("labels");
  expect(remedyOf("dependency_unmet")).toBe("card");
  expect(remedyOf("runners_busy")).toBeNull();
  expect(remedyOf(null)).toBeNull();
});
