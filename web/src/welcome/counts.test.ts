import { expect, it } from "vitest";
import { counts } from "./counts";
import { homeProject } from "./last-project";

it("counts what goes on in one project alone", () => {
  const running = [{ project: "a" }, { project: "b" }, { project: "a" }];
  const inbox = [
    { kind: "review", run: { project: "a" } },
    { kind: "failed", run: { project: "a" } },
    { kind: "stuck", run: { project: "a" } },
    { kind: "review", run: { project: "b" } },
  ];
  expect(counts("a", running, inbox)).toEqual({ running: 2, waiting: 1, failed: 1 });
  expect(counts("c", running, inbox)).toEqual({ running: 0, waiting: 0, failed: 0 });
});

it("leads to the last project that is still there", () => {
  const projects = [{ id: "a" }, { id: "b" }];
  expect(homeProject(projects, "a")).toEqual({ id: "a" });
  expect(homeProject(projects, "gone")).toEqual({ id: "b" });
  expect(homeProject(projects, null)).toEqual({ id: "b" });
  expect(homeProject([], "a")).toBeNull();
});
