import { describe, expect, it } from "vitest";
import type { Base, Run } from "../api/types";
import { allowed, decide, needsConfirm, phaseOf } from "./decision";
import { parseDiff } from "./diff/parser";
import { bytesOf } from "./diff/testing/text";
import type { FileDiff } from "./diff/types";
import { COMMENTS_MAX, type Draft, dropComment, NO_DRAFTS, putComment, readDrafts } from "./drafts";
import { entriesOf, filterEntries, flagsByPath, listRows } from "./files";
import { REVIEWS_MAX, readKept, type Store, writeKept } from "./kept";
import { lastTurn } from "./last-turn";
import { composeMessage } from "./message";
import { isViewed, setViewed } from "./viewed";

const draft = (over: Partial<Draft> = {}): Draft => ({
  id: "1",
  path: "src/a.ts",
  side: "new",
  from: 3,
  to: 4,
  quote: ["const a = 1;", "const b = `x`;"],
  commit: "c1",
  text: "Why?",
  ...over,
});

const words = {
  lines: (one: Draft) => `lines ${one.from}-${one.to}`,
  older: (commit: string) => `of ${commit}`,
};

function memory(quota = Number.POSITIVE_INFINITY): Store & { map: Map<string, string> } {
  const map = new Map<string, string>();
  const size = () => [...map].reduce((all, [key, value]) => all + key.length + value.length, 0);
  return {
    map,
    get length() {
      return map.size;
    },
    key: (index) => [...map.keys()][index] ?? null,
    getItem: (key) => map.get(key) ?? null,
    setItem(key, value) {
      const before = map.get(key);
      map.set(key, value);
      if (size() <= quota) return;
      if (before === undefined) map.delete(key);
      else map.set(key, before);
      throw new DOMException("full", "QuotaExceededError");
    },
    removeItem: (key) => void map.delete(key),
  };
}

describe("drafts", () => {
  it("are put, edited, emptied and bounded", () => {
    const one = putComment(NO_DRAFTS, draft());
    expect(putComment(one, draft({ text: "Because" })).comments).toHaveLength(1);
    expect(putComment(one, draft({ text: "  " })).comments).toEqual([]);
    expect(dropComment(one, "1").comments).toEqual([]);
    let many = NO_DRAFTS;
    for (let id = 0; id < COMMENTS_MAX + 5; id++) many = putComment(many, draft({ id: `${id}` }));
    expect(many.comments).toHaveLength(COMMENTS_MAX);
  });

  it("come back from a browser, whoever wrote there", () => {
    const store = memory();
    const kept = {
      drafts: putComment({ ...NO_DRAFTS, general: "Hi" }, draft()),
      viewed: { a: "b" },
    };
    expect(writeKept(store, "run_1", kept, 1)).toBe(true);
    expect(readKept(store, "run_1")).toEqual(kept);
    for (const bad of [
      "",
      "{",
      "[]",
      "7",
      '{"drafts":{"comments":[1,{"id":2}],"general":3},"viewed":[1]}',
    ]) {
      store.setItem("freehold.review.run_1", bad);
      expect(readKept(store, "run_1").drafts).toEqual(NO_DRAFTS);
    }
    expect(readDrafts({ comments: [draft(), { ...draft(), side: "up" }] }).comments).toHaveLength(
      1,
    );
  });

  it("outlive what is only viewed, and say when they cannot be kept", () => {
    const store = memory();
    const mine = { drafts: putComment(NO_DRAFTS, draft()), viewed: {} };
    writeKept(store, "mine", mine, 0);
    for (let at = 1; at < REVIEWS_MAX + 20; at++) {
      writeKept(store, `run_${at}`, { drafts: NO_DRAFTS, viewed: { a: "b" } }, at);
    }
    expect(store.length).toBe(REVIEWS_MAX);
    expect(readKept(store, "mine")).toEqual(mine);
    expect(writeKept(memory(10), "run", mine, 1)).toBe(false);
    expect(writeKept(null, "run", mine, 1)).toBe(false);
    const full = memory(3_000);
    for (let at = 0; at < 60; at++)
      writeKept(full, `old_${at}`, { drafts: NO_DRAFTS, viewed: { a: "b" } }, at);
    expect(writeKept(full, "run", mine, 99)).toBe(true);
  });
});

describe("the message", () => {
  it("begins with the general text and quotes each comment, in order", () => {
    const drafts = {
      general: "Two things:\n",
      comments: [draft({ id: "2", path: "z", text: "Later\n" }), draft({ commit: "c0" })],
    };
    expect(composeMessage(drafts, "c1", words)).toBe(
      [
        "Two things:",
        "",
        "**`src/a.ts`, lines 3-4** (of c0)",
        "",
        "```",
        "const a = 1;",
        "const b = `x`;",
        "```",
        "",
        "Why?",
        "",
        "**`z`, lines 3-4**",
        "",
        "```",
        "const a = 1;",
        "const b = `x`;",
        "```",
        "",
        "Later",
      ].join("\n"),
    );
  });

  it("code cannot break out of its quote, nor a path out of its line", () => {
    const text = composeMessage(
      { general: "", comments: [draft({ path: "a`\nb", quote: ["````", "x"] })] },
      "c1",
      words,
    );
    expect(text).toContain("`````\n````\nx\n`````");
    expect(text.split("\n")[0]).toBe("**``a`\ufffdb``, lines 3-4**");
  });
});

const DIFF = (blob: string) =>
  parseDiff(
    bytesOf(
      `diff --git a/src/a b/src/a\nindex 1..${blob} 100644\n--- a/src/a\n+++ b/src/a\n@@ -1 +1 @@\n-x\n+y\ndiff --git a/.github/workflows/ci.yml b/.github/workflows/ci.yml\nindex 1..2 100644\ndiff --git a/z b/z\nold mode 100644\nnew mode 100755\n`,
    ),
  );

describe("files", () => {
  const diff = DIFF("2");
  const [a, , z] = diff.files as [FileDiff, FileDiff, FileDiff];

  it("stay viewed as long as their change is the same", () => {
    const viewed = setViewed(setViewed({}, a, "c1", true), z, "c1", true);
    expect(isViewed(viewed, a, "c2")).toBe(true);
    expect(isViewed(viewed, DIFF("3").files[0] as FileDiff, "c2")).toBe(false);
    expect(isViewed(viewed, z, "c1")).toBe(true);
    expect(isViewed(viewed, z, "c2")).toBe(false);
    expect(isViewed(setViewed(viewed, a, "c1", false), a, "c1")).toBe(false);
    expect(isViewed({}, { ...a, key: "constructor" }, "c1")).toBe(false);
  });

  it("are listed with flagged ones first, in folders, and filtered by words", () => {
    const flags = flagsByPath([
      { path: ".github/workflows/ci.yml", flags: ["ci"] } as never,
      { path: "src/a", flags: [] } as never,
    ]);
    const entries = entriesOf(diff.files, flags);
    expect(entries.map((entry) => entry.file.path)).toEqual([
      ".github/workflows/ci.yml",
      "z",
      "src/a",
    ]);
    expect(
      listRows(entries).map((row) => (row.kind === "folder" ? row.path : row.entry.file.path)),
    ).toEqual(["", ".github/workflows/ci.yml", "", "z", "src/", "src/a"]);
    expect(filterEntries(entries, "SRC a")).toHaveLength(1);
    expect(filterEntries(entries, " ")).toHaveLength(3);
  });
});

describe("decisions", () => {
  const run = (over: Partial<Run> = {}) =>
    ({ state: "waiting", reason: null, commit: "c1", landed: null, ...over }) as Run;
  const facts = {
    run: run(),
    seen: "c1" as string | null,
    base: null as Base | null,
    flaggedUnseen: [] as string[],
    unreadable: 0,
    noDiff: false,
    comments: 0,
    evidence: [{ name: "tests", state: "passed" }],
  };

  it("are open while a run waits and its diff is on the page", () => {
    expect(decide(facts)).toEqual({
      phase: "decide",
      approve: null,
      reject: null,
      reply: null,
      doubts: [],
    });
    expect(decide({ ...facts, seen: null }).approve).toBe("not_loaded");
    expect(decide({ ...facts, run: run({ commit: "c2" }) }).approve).toBe("changed");
    expect(decide({ ...facts, run: run({ commit: "c2" }) }).reject).toBeNull();
  });

  it("are closed with a reason otherwise", () => {
    expect(decide({ ...facts, run: run({ state: "running" }) })).toMatchObject({
      approve: "working",
      reply: "working",
    });
    expect(decide({ ...facts, run: run({ state: "landing" }) }).approve).toBe("landing");
    const landed = decide({ ...facts, run: run({ state: "succeeded", landed: "d" }) });
    expect(landed).toMatchObject({
      phase: "landed",
      approve: "ended",
      reject: "ended",
      reply: null,
    });
    expect(phaseOf(run({ state: "succeeded", commit: null }))).toBe("nothing");
    expect(phaseOf(run({ state: "rejected", reason: "rejected_by_person" }))).toBe("rejected");
  });

  it("name what speaks against a yes", () => {
    const { doubts } = decide({
      ...facts,
      base: { state: "moved" } as Base,
      flaggedUnseen: ["ci.yml"],
      unreadable: 2,
      noDiff: true,
      comments: 1,
      evidence: [
        { name: "tests", state: "failed" },
        { name: "lint", state: "timed_out" },
      ],
    });
    expect(doubts.map((doubt) => doubt.kind)).toEqual([
      "checks",
      "moved",
      "flagged",
      "unread",
      "no_diff",
      "comments",
    ]);
    expect(doubts[0]).toEqual({ kind: "checks", names: ["tests", "lint"] });
    expect(needsConfirm(doubts)).toBe(true);
    expect(needsConfirm(decide({ ...facts, evidence: [] }).doubts)).toBe(false);
  });
});

describe("the output of a check", () => {
  const event = (seq: number, step: string) => ({ seq, payload: { step } }) as never;

  it("is that of the last time it ran", () => {
    const printed = [event(3, "check:a"), event(9, "check:a")];
    expect(lastTurn(printed, [event(2, "check"), event(7, "check")])).toEqual([printed[1]]);
    // A landing that needed no check printed nothing: what was seen before still counts.
    expect(lastTurn(printed, [event(2, "check"), event(7, "check"), event(12, "land")])).toEqual([
      printed[1],
    ]);
    expect(lastTurn(printed, [])).toEqual(printed);
  });
});

describe("who may not", () => {
  const open = {
    phase: "decide" as const,
    approve: null,
    reject: null,
    reply: null,
    doubts: [],
  };
  it("is told why, and what is impossible for all stays the first reason", () => {
    const viewer = { approve: false, reject: false, reply: false };
    expect(allowed(open, viewer)).toMatchObject({
      approve: "decider",
      reject: "decider",
      reply: "developer",
    });
    expect(allowed({ ...open, approve: "working" }, viewer).approve).toBe("working");
    const reviewer = { approve: true, reject: true, reply: false };
    expect(allowed(open, reviewer)).toEqual({ ...open, reply: "developer" });
  });
});
