import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { outsideAddress } from "./outside-address";
import { toast } from "./toast-store";

describe("outsideAddress", () => {
  it.each([
    ["javascript:alert(1)", null],
    ["data:text/html,x", null],
    ["file:///etc/passwd", null],
    ["/sign-in", null],
    ["//evil.example", null],
    ["https://example.com", "https://example.com/"],
  ])("%s", (href, address) => expect(outsideAddress(href)).toBe(address));

  it("shows a look-alike host for what it is", () => {
    expect(outsideAddress("https://аpple.com")).toBe("https://xn--pple-43d.com/");
  });
});

describe("toast", () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => {
    for (const { id } of toast.list()) toast.dismiss(id);
    vi.useRealTimers();
  });

  it("goes by itself, a failure much later", () => {
    toast.show({ title: "done" });
    toast.show({ title: "failed", tone: "danger" });
    vi.advanceTimersByTime(10_000);
    expect(toast.list().map((one) => one.title)).toEqual(["failed"]);
    vi.advanceTimersByTime(60_000);
    expect(toast.list()).toEqual([]);
  });

  it("stays while it is pointed at", () => {
    const id = toast.show({ title: "read me" });
    toast.hold(id);
    vi.advanceTimersByTime(100_000);
    expect(toast.list()).toHaveLength(1);
    toast.release(id);
    vi.advanceTimersByTime(10_000);
    expect(toast.list()).toEqual([]);
  });

  it("shows four at most, the latest", () => {
    for (let at = 0; at < 9; at += 1) toast.show({ title: String(at) });
    expect(toast.list().map((one) => one.title)).toEqual(["5", "6", "7", "8"]);
  });
});
