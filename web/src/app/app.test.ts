import { describe, expect, it, vi } from "vitest";
import type { InboxItem } from "../api";
import { type LiveState, START } from "../api/live-state";
import { connectionWords } from "./connection-words";
import { grouped, type PaletteEntry, rank, score } from "./palette-rank";
import { boardSearch, reviewSearch, runSearch, signInSearch } from "./search";
import { type Shortcut, ShortcutMatcher } from "./shortcut-matcher";
import { countWaiting } from "./waiting";

const press = (key: string, over: Partial<KeyboardEvent> = {}) => ({
  key,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  ...over,
});

const run = vi.fn();
const SHORTCUTS: Shortcut[] = [
  { keys: "mod+k", label: "palette", run },
  { keys: "g i", label: "inbox", run },
  { keys: "g b", label: "board", run },
  { keys: "i", label: "insert", run },
  { keys: "j", label: "only in the list" },
];

/** What each press in turn completes. */
function typed(keys: string[], every = 100, shortcuts = SHORTCUTS) {
  const matcher = new ShortcutMatcher();
  return keys.map((key, at) => matcher.press(press(key), shortcuts, at * every, false)?.label);
}

describe("ShortcutMatcher", () => {
  it("takes sequences, and the second key not for itself", () => {
    expect(typed(["g", "i"])).toEqual([undefined, "inbox"]);
    expect(typed(["i"])).toEqual(["insert"]);
  });
  it("forgets a sequence after a pause or a wrong key", () => {
    expect(typed(["g", "i"], 5_000)).toEqual([undefined, "insert"]);
    expect(typed(["g", "x", "b"])).toEqual([undefined, undefined, undefined]);
  });
  it("is not broken off by a modifier that is only pressed", () => {
    expect(typed(["g", "Shift", "b"])).toEqual([undefined, undefined, "board"]);
  });
  it("lets the later of two win, and leaves what is only listed alone", () => {
    const own: Shortcut[] = [...SHORTCUTS, { keys: "i", label: "own", run }];
    expect(typed(["i"], 100, own)).toEqual(["own"]);
    expect(typed(["j"])).toEqual([undefined]);
  });
});

const entry = (label: string, over: Partial<PaletteEntry> = {}): PaletteEntry => ({
  id: label,
  kind: "card",
  label,
  ...over,
});

describe("the palette", () => {
  it("wants every word, in any order, and prefers beginnings", () => {
    const entries = [entry("A retry of login"), entry("Login page"), entry("Blogging")];
    expect(rank(entries, "log").map((one) => one.label)).toEqual([
      "Login page",
      "A retry of login",
      "Blogging",
    ]);
    expect(rank(entries, "page log").map((one) => one.label)).toEqual(["Login page"]);
    expect(score(entry("a+b (c)"), "a+b (c")).toBeGreaterThan(0);
  });
  it("finds a run by its id", () => {
    expect(rank([entry("x", { kind: "run", id: "run_0198abcd" })], "0198ab")).toHaveLength(1);
  });
  it("shows only what there is few of while nothing is typed, and never too much", () => {
    const many = Array.from({ length: 5_000 }, (_, at) => entry(`Card ${at}`));
    expect(rank([...many, entry("Inbox", { kind: "page" })], " ")).toHaveLength(1);
    expect(rank(many, "card")).toHaveLength(40);
  });
  it("keeps rows of one kind together, the best kind first", () => {
    const rows = [entry("a"), entry("b", { kind: "run" }), entry("c")];
    expect(grouped(rows).map(([kind, group]) => [kind, group.length])).toEqual([
      ["card", 2],
      ["run", 1],
    ]);
  });
});

describe("connectionWords", () => {
  const state = (over: Partial<LiveState>): LiveState => ({ ...START, ...over });
  it("is quiet about a short break, then says what happens", () => {
    const offline = state({ phase: "offline", since: 1_000, retryAt: 6_400 });
    expect(connectionWords(offline, 2_000)).toEqual({ kind: "quiet" });
    expect(connectionWords(offline, 3_000)).toEqual({ kind: "offline", retryIn: 4, long: false });
    expect(connectionWords(offline, 7_000)).toMatchObject({ retryIn: null });
    expect(connectionWords(offline, 40_000)).toMatchObject({ long: true });
    expect(connectionWords(state({ phase: "live" }), 99_000)).toEqual({ kind: "quiet" });
    expect(connectionWords(state({ phase: "connecting" }), 99_000)).toEqual({ kind: "connecting" });
  });
});

describe("what a page keeps in its address", () => {
  it("takes only what it knows, as text, bounded", () => {
    expect(boardSearch({ card: "card_1", q: 42, mine: "all", evil: 1 })).toEqual({
      card: "card_1",
      q: "42",
    });
    expect(boardSearch({ q: "x".repeat(9_999) }).q).toHaveLength(500);
    expect(boardSearch({ q: { a: 1 } })).toEqual({});
    expect(runSearch({ seq: "12" })).toEqual({ seq: 12 });
    expect(runSearch({ seq: -1 })).toEqual({});
    expect(reviewSearch({ view: "wide", file: "src/a b.rs" })).toEqual({ file: "src/a b.rs" });
    expect(signInSearch({ back: "/runs", why: "refused" })).toEqual({
      back: "/runs",
      why: "refused",
    });
  });
});

describe("countWaiting", () => {
  it("counts in all and by project", () => {
    const items = ["p", "q", "p"].map((project) => ({ run: { project } }) as InboxItem);
    expect(countWaiting(items)).toEqual({
      total: 3,
      byProject: new Map([
        ["p", 2],
        ["q", 1],
      ]),
    });
  });
});
