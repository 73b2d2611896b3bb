import { describe, expect, it } from "vitest";
import { clock, secondsLeft, serveCommand, wayTo } from "./enrol";
import { byState, room, slots, versionState } from "./fleet";

describe("versionState", () => {
  it("compares numbers, not text", () => {
    expect(versionState("0.9.0", "0.10.0")).toBe("older");
    expect(versionState("1.0.0", "0.10.0")).toBe("newer");
    expect(versionState("0.1.2", "0.1.2")).toBe("same");
    expect(versionState("v0.1.2-dev", "0.1.2")).toBe("same");
    expect(versionState("", "0.1.2")).toBe("unknown");
    expect(versionState("abc", "abc")).toBe("same");
  });
});

describe("slots and room", () => {
  it("never draws less than nothing", () => {
    expect(slots(1, 4)).toEqual({ full: 1, free: 3, over: 0 });
    expect(slots(5, 2)).toEqual({ full: 2, free: 0, over: 3 });
    expect(slots(0, 0)).toEqual({ full: 0, free: 0, over: 0 });
  });

  it("counts only those that take work", () => {
    const runners = [
      { state: "online", busy: 1, capacity: 2 },
      { state: "draining", busy: 1, capacity: 8 },
      { state: "offline", busy: 0, capacity: 8 },
    ];
    expect(room(runners)).toEqual({ busy: 1, capacity: 2 });
  });

  it("shows those that work first", () => {
    const runner = (state: string, name: string) => ({ state, name, id: name });
    const sorted = byState([
      runner("offline", "a"),
      runner("online", "z"),
      runner("draining", "b"),
      runner("online", "c"),
    ]);
    expect(sorted.map((one) => one.name)).toEqual(["c", "z", "b", "a"]);
  });
});

describe("enrolment", () => {
  it("goes through a tunnel to a server without TLS", () => {
    expect(wayTo("http://127.0.0.1:8080")).toEqual({
      server: "http://localhost:8080",
      tunnel: "ssh -N -L 8080:127.0.0.1:8080 USER@THIS-MACHINE",
    });
    expect(wayTo("http://localhost")).toMatchObject({ server: "http://localhost:80" });
    expect(wayTo("https://freehold.example.org")).toEqual({
      server: "https://freehold.example.org",
      tunnel: null,
    });
  });

  it("keeps the token out of the command", () => {
    expect(serveCommand("http://localhost:8080")).toBe(
      "freehold runner serve --server http://localhost:8080 --token-file -",
    );
    expect(serveCommand("http://localhost:8080", { labels: ["gpu=a b"], data: "~/second" })).toBe(
      "freehold runner serve --server http://localhost:8080 --token-file - --label 'gpu=a b' --data ~/second",
    );
  });

  it("counts down and stops at nothing", () => {
    const at = Date.parse("2026-11-21T10:00:00Z");
    expect(secondsLeft("2026-11-21T10:15:00Z", at)).toBe(900);
    expect(secondsLeft("2026-11-21T09:00:00Z", at)).toBe(0);
    expect(secondsLeft("never", at)).toBe(0);
    expect(clock(899)).toBe("14:59");
    expect(clock(61)).toBe("1:01");
  });
});
