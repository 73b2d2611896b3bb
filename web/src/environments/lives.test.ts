import { describe, expect, it } from "vitest";
import { activeFor, byUse, canStop, startable } from "./lives";

const one = (state: string, project_name: string) => ({ id: project_name, state, project_name });

describe("environments", () => {
  it("shows those at work first, then by project", () => {
    const sorted = byUse([
      one("stopping", "a"),
      one("idle", "b"),
      one("busy", "z"),
      one("busy", "c"),
      one("requested", "d"),
      one("of a newer server", "e"),
    ]);
    expect(sorted.map((life) => life.project_name)).toEqual(["c", "z", "b", "d", "a", "e"]);
  });

  it("begins one only where none is on its way", () => {
    const projects = [{ id: "p1" }, { id: "p2" }, { id: "p3" }];
    const there = [
      { project: "p1", state: "idle" },
      { project: "p2", state: "stopping" },
    ];
    expect(startable(projects, there)).toEqual([{ id: "p2" }, { id: "p3" }]);
    expect(startable(projects, [])).toEqual(projects);
  });

  it("reads seconds as a person does", () => {
    expect([0, 20, 200, 7500, 360_000].map(activeFor)).toEqual([
      "0 s",
      "20 s",
      "3 min 20 s",
      "2 h 05 min",
      "100 h 00 min",
    ]);
  });

  it("stops what goes on, and nothing else", () => {
    expect(["requested", "starting", "ready", "busy", "idle"].every(canStop)).toBe(true);
    expect(["stopping", "stopped", "failed", "?"].some(canStop)).toBe(false);
  });
});
