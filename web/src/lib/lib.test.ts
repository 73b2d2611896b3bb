import { describe, expect, it, vi } from "vitest";
import { backoff } from "./backoff";
import { now, onLeap, setSkew } from "./clock";
import { gather } from "./gather";
import { keyCaps, matches, type Press, parseKeys } from "./keyboard";
import { bytes, matchesWords, plural, shortId, truncate, upperFirst } from "./text";
import { duration, relative } from "./time";

const NOW = Date.parse("2026-11-21T12:00:00Z");
const ago = (ms: number) => relative(NOW - ms, NOW);

describe("relative", () => {
  it.each([
    [0, "just now"],
    [44_000, "just now"],
    [46_000, "1 min ago"],
    [59 * 60_000, "59 min ago"],
    [60 * 60_000, "1 h ago"],
    [23.9 * 3_600_000, "23 h ago"],
    [25 * 3_600_000, "yesterday"],
    [3 * 86_400_000, "3 days ago"],
    [20 * 86_400_000, "Nov 1"],
    [400 * 86_400_000, "Oct 17, 2025"],
  ])("%d ms ago is %s", (ms, words) => expect(ago(ms)).toBe(words));

  it("tells what is to come, and never minus", () => {
    expect(ago(-2_000)).toBe("just now");
    expect(ago(-10_000)).toBe("in a moment");
    expect(ago(-10 * 60_000)).toBe("in 10 min");
    expect(relative("nonsense", NOW)).toBe("at an unknown time");
  });
});

describe("duration", () => {
  it.each([
    [-5, "0.0 s"],
    [9_990, "9.9 s"],
    [12_400, "12 s"],
    [185_000, "3 min 05 s"],
    [2 * 3_600_000 + 7 * 60_000, "2 h 07 min"],
    [3 * 86_400_000 + 4 * 3_600_000, "3 d 4 h"],
  ])("%d ms is %s", (ms, words) => expect(duration(ms)).toBe(words));
});

describe("text", () => {
  it("counts, measures and shortens", () => {
    expect(plural(1, "file")).toBe("1 file");
    expect(plural(12_345, "entry", "entries")).toBe("12,345 entries");
    expect(bytes(1_536)).toBe("1.5 KB");
    expect(bytes(100 * 1024 * 1024)).toBe("100 MB");
    expect(shortId("run_0198f0c2-1111-7000-8000-00000000abcd")).toBe("run_…00abcd");
    expect(truncate("short", 10)).toBe("short");
  });
  it("never cuts a character in half", () => {
    expect(truncate("ab😀cd", 4)).toBe("ab…");
  });
  it("finds words in any order", () => {
    expect(matchesWords("Add the Login page", "page log")).toBe(true);
    expect(matchesWords("Add the Login page", "logout")).toBe(false);
  });
});

const press = (key: string, over: Partial<Press> = {}): Press => ({
  key,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  ...over,
});
const hit = (keys: string, pressed: Press, apple = false) => {
  const [combo] = parseKeys(keys);
  return combo !== undefined && matches(pressed, combo, apple);
};

describe("keys", () => {
  it("tells Ctrl from Cmd by the machine", () => {
    expect(hit("mod+k", press("k", { ctrlKey: true }))).toBe(true);
    expect(hit("mod+k", press("k", { metaKey: true }))).toBe(false);
    expect(hit("mod+k", press("k", { metaKey: true }), true)).toBe(true);
    expect(hit("k", press("k", { ctrlKey: true }))).toBe(false);
  });
  it("asks for the character where layouts differ, for Shift where it matters", () => {
    expect(hit("?", press("?", { shiftKey: true }))).toBe(true);
    expect(hit("j", press("J", { shiftKey: true }))).toBe(false);
    expect(hit("shift+j", press("J", { shiftKey: true }))).toBe(true);
  });
  it("draws caps", () => {
    expect(keyCaps("mod+k", false)).toEqual(["Ctrl", "K"]);
    expect(keyCaps("mod+enter", true)).toEqual(["⌘", "↵"]);
    expect(keyCaps("g i", false)).toEqual(["G", "I"]);
    expect(keyCaps("space", false)).toEqual(["Space"]);
  });
});

describe("backoff", () => {
  it("doubles from half a second to fifteen, half of it by chance", () => {
    expect(backoff(1, 0)).toBe(250);
    expect(backoff(1, 1)).toBe(500);
    expect(backoff(3, 1)).toBe(2_000);
    expect(backoff(500, 1)).toBe(15_000);
  });
});

describe("gather", () => {
  it("hands on the first at once and the rest together, then is quiet", () => {
    const flush = vi.fn();
    const turns: (() => void)[] = [];
    const push = gather<number>(10, flush, (run) => turns.push(run));
    push(1);
    expect(flush).toHaveBeenLastCalledWith([1]);
    push(2);
    push(3);
    expect(flush).toHaveBeenCalledTimes(1);
    turns.shift()?.();
    expect(flush).toHaveBeenLastCalledWith([2, 3]);
    turns.shift()?.();
    expect(turns).toEqual([]);
    push(4);
    expect(flush).toHaveBeenLastCalledWith([4]);
  });
});

it("a clause begins with a capital, an address with what it has", () => {
  expect(upperFirst("nothing answers at http://a")).toBe("Nothing answers at http://a");
  expect(upperFirst("élan")).toBe("Élan");
  for (const kept of ["https://a/b cannot be reached", "main.rs is gone", "", "7 files"]) {
    expect(upperFirst(kept)).toBe(kept);
  }
});

describe("the server's clock", () => {
  it("tells the present, and tells of leaps but not of the network's delay", () => {
    const leapt = vi.fn();
    const end = onLeap(leapt);
    setSkew(500);
    expect(leapt).not.toHaveBeenCalled();
    expect(Math.abs(now() - Date.now())).toBeLessThan(100);
    setSkew(86_400_000);
    setSkew(86_400_300);
    expect(leapt).toHaveBeenCalledTimes(1);
    expect(now() - Date.now()).toBeGreaterThan(86_300_000);
    setSkew(0);
    expect(leapt).toHaveBeenCalledTimes(2);
    end();
    setSkew(86_400_000);
    setSkew(0);
    expect(leapt).toHaveBeenCalledTimes(2);
  });
});
