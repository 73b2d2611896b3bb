import { describe, expect, it } from "vitest";
import { type SseEvent, SseParser } from "./sse";

function all(...pieces: string[]): SseEvent[] {
  const parser = new SseParser();
  return pieces.flatMap((piece) => parser.push(piece));
}

describe("SseParser", () => {
  it("reads events, ids and data of several lines", () => {
    expect(all("event: run\nid: 7\ndata: a\ndata:b\n\ndata: c\n\n")).toEqual([
      { event: "run", data: "a\nb", id: "7" },
      { event: "message", data: "c", id: "7" },
    ]);
  });

  it("gives the same for every cut into pieces", () => {
    const text = ": hi\r\nevent: x\r\ndata: å\r\ndata:  two\r\n\r\ndata: last\n\n\rdata: cr\r\r";
    const whole = all(text, "\n");
    expect(whole.map((event) => event.data)).toEqual(["å\n two", "last", "cr"]);
    for (let at = 0; at <= text.length; at += 1) {
      expect(all(text.slice(0, at), text.slice(at), "\n")).toEqual(whole);
    }
    expect(all(...text, "\n")).toEqual(whole);
  });

  it("dispatches nothing for comments, for events without data and for an unfinished one", () => {
    expect(all(": keep\n\nevent: empty\n\ndata: half\n")).toEqual([]);
  });

  it("does not keep the name of an event for the next one", () => {
    expect(all("event: a\n\ndata: x\n\n")).toEqual([{ event: "message", data: "x", id: null }]);
  });

  it("gives up on an event without an end", () => {
    const parser = new SseParser();
    const flood = () => {
      for (let i = 0; i < 100; i += 1) parser.push(`data: ${"x".repeat(100_000)}\n`);
    };
    expect(flood).toThrow(/without an end/);
  });

  it("drops a byte order mark at the very start only", () => {
    expect(all("\uFEFFdata: a\n\n")).toEqual([{ event: "message", data: "a", id: null }]);
  });
});
