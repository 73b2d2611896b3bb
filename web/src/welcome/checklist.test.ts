import { describe, expect, it } from "vitest";
import { checklist, phase, type RunLike, type World } from "./checklist";

const EMPTY: World = { runners: [], projects: [], agents: [], cards: [], runs: [] };
const READY: World = {
  runners: [{ id: "rnr_1", name: "here", state: "online" }],
  projects: [
    { id: "prj_1", name: "old" },
    { id: "prj_2", name: "demo" },
  ],
  agents: [{ id: "agt_1", name: "codex" }],
  cards: [{ id: "card_1", title: "Mend it", landed: false }],
  runs: [],
};
const run = (state: string, over: Partial<RunLike> = {}): RunLike => ({
  id: "run_1",
  card: "card_1",
  project: "prj_2",
  state,
  ...over,
});
const done = (world: World) =>
  checklist(world)
    .steps.filter((step) => step.state === "done")
    .map((step) => step.id);

describe("checklist", () => {
  it("begins with a runner", () => {
    expect(checklist(EMPTY).now).toBe("runner");
    expect(done(EMPTY)).toEqual([]);
  });

  it("goes back to the runner when it went away", () => {
    const world = { ...READY, runners: [{ id: "rnr_1", name: "here", state: "offline" }] };
    expect(checklist(world).now).toBe("runner");
    expect(done(world)).toEqual(["project", "agent", "card"]);
  });

  it("asks for what is missing, in any order it came", () => {
    expect(checklist({ ...READY, projects: [], cards: [] }).now).toBe("project");
    expect(checklist({ ...READY, agents: [] }).now).toBe("agent");
    expect(checklist({ ...READY, cards: [] }).now).toBe("card");
    expect(checklist(READY)).toMatchObject({ now: "start", card: { id: "card_1" }, run: null });
  });

  it("does not count a card that was put away", () => {
    const card = {
      id: "card_1",
      title: "Mend it",
      landed: false,
      archived_at: "2026-11-21T10:00:00Z",
    };
    expect(checklist({ ...READY, cards: [card] }).now).toBe("card");
  });

  it("looks at runs of the project that is being set up", () => {
    expect(checklist({ ...READY, runs: [run("running", { project: "prj_1" })] }).now).toBe("start");
  });

  it("follows the run to its landing", () => {
    expect(checklist({ ...READY, runs: [run("running")] }).now).toBe("review");
    expect(checklist({ ...READY, runs: [run("waiting")] }).now).toBe("review");
    expect(checklist({ ...READY, runs: [run("failed")] }).now).toBe("review");
    expect(checklist({ ...READY, runs: [run("landing")] }).now).toBe("landed");
    const landed = checklist({ ...READY, runs: [run("succeeded", { landed: "abc" })] });
    expect(landed.now).toBeNull();
    expect(landed.steps.every((step) => step.state === "done")).toBe(true);
  });

  it("is over once something has landed anywhere, whatever came after", () => {
    const runs = [
      run("failed"),
      run("succeeded", { id: "run_0", project: "prj_1", landed: "abc" }),
    ];
    expect(checklist({ ...READY, runners: [], runs }).now).toBeNull();
    const cards = [{ id: "card_1", title: "Mend it", landed: true }];
    expect(checklist({ ...READY, cards }).now).toBeNull();
  });
});

describe("phase", () => {
  it.each([
    ["queued", "at_work"],
    ["dispatching", "at_work"],
    ["running", "at_work"],
    ["waiting", "decide"],
    ["landing", "landing"],
    ["failed", "ended"],
    ["cancelled", "ended"],
    ["rejected", "ended"],
    ["succeeded", "nothing"],
  ])("of a run that is %s is %s", (state, wanted) => {
    expect(phase(run(state))).toBe(wanted);
  });

  it("tells a landing from work that changed nothing", () => {
    expect(phase(null)).toBe("none");
    expect(phase(run("succeeded", { landed: "abc" }))).toBe("landed");
  });
});
