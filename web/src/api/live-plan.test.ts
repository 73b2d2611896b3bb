import { describe, expect, it } from "vitest";
import type { Change } from "./changes";
import { plan } from "./live-plan";
import { keys } from "./queries";

const run = (over: Partial<Extract<Change, { kind: "run" }>> = {}): Change => ({
  kind: "run",
  run: "run_1",
  card: "card_1",
  project: "p",
  state: "running",
  last_seq: 5,
  epoch: 1,
  ...over,
});

describe("plan", () => {
  it("looks at everything after a resync, whatever else there was", () => {
    expect(plan([run(), { kind: "resync" }], new Map()).all).toBe(true);
  });

  it("loads lists only when a run has moved, not for each of its events", () => {
    const known = new Map<string, string>();
    const first = plan([run()], known);
    expect(first.stale).toContainEqual(keys.inbox);
    expect(first.cards).toEqual([{ card: "card_1", project: "p" }]);
    const second = plan([run({ last_seq: 6 }), run({ last_seq: 7 })], known);
    expect(second.stale).toEqual([]);
    expect(second.cards).toEqual([]);
    expect(second.grown.map((change) => change.last_seq)).toEqual([7]);
    expect(plan([run({ state: "waiting" })], known).stale).toContainEqual(keys.runs());
    expect(plan([run({ state: "waiting", epoch: 2 })], known).cards).toHaveLength(1);
  });

  it("loads a list anew when many of its cards changed", () => {
    const changes = Array.from({ length: 30 }, (_, i): Change => {
      return { kind: "card", card: `card_${i}`, project: "p" };
    });
    const many = plan(changes, new Map());
    expect(many.cards).toEqual([]);
    expect(many.stale).toContainEqual(keys.cards("p"));
    expect(plan(changes.slice(0, 3), new Map()).cards).toHaveLength(3);
  });

  it("takes a noun of a newer server without harm", () => {
    const change = { kind: "settings", noun: "pool" } as unknown as Change;
    expect(plan([change], new Map()).stale).toEqual([]);
  });
});
