import { describe, expect, test } from "vitest";
import type { RunEvent } from "./event";
import { Layout } from "./layout";
import { seeded } from "./testing/seeded";

function events(...kinds: [string, unknown][]): RunEvent[] {
  return kinds.map(([type, payload], at) => ({
    seq: at + 1,
    ts: "2026-01-01T00:00:00Z",
    type,
    payload,
  }));
}

function laid(all: RunEvent[], protocol = false): Layout {
  const layout = new Layout({ count: all.length, at: (index) => all[index] }, protocol);
  layout.add(0, all.length - 1);
  return layout;
}

function shape(layout: Layout): number[][] {
  return layout
    .between(0, Number.POSITIVE_INFINITY, 1_000)
    .filter((row) => row.events.length > 0)
    .map((row) => row.events.map((event) => event.seq));
}

const said = (text: string): [string, unknown] => ["agent.message", { text }];
const protocol: [string, unknown] = ["output", { step: "agent", stream: "protocol", text: "{}" }];
const out = (text: string, stream = "stdout"): [string, unknown] => [
  "output",
  { step: "agent", stream, text },
];
const tool = (id: string, status: string): [string, unknown] => [
  "agent.tool",
  { id, title: "Read", kind: "read", status, paths: [] },
];

describe("rows", () => {
  test("pieces of a message are one row, though lines of the protocol stand between", () => {
    const layout = laid(
      events(protocol, said("a"), protocol, said("b"), said("c"), ["agent.thought", { text: "d" }]),
    );
    expect(shape(layout)).toEqual([[2, 4, 5], [6]]);
  });

  test("the protocol is shown to whoever asks for it", () => {
    expect(shape(laid(events(said("a"), protocol, said("b")), true))).toEqual([[1], [2], [3]]);
  });

  test("output is joined by step and stream, and not without end", () => {
    const all = events(...Array.from({ length: 100 }, () => out("x\n")), out("e", "stderr"));
    const rows = shape(laid(all));
    expect(rows.map((row) => row.length)).toEqual([40, 40, 20, 1]);
  });

  test("a tool call is one row that says its latest state", () => {
    const all = events(
      tool("1", "pending"),
      tool("2", "pending"),
      said("x"),
      tool("1", "completed"),
      said("y"),
    );
    const layout = laid(all);
    expect(shape(layout)).toEqual([[1], [2], [3, 5]]);
    expect(layout.leadOf(3)).toBe(0);
    expect(layout.toolOf(all[0] as RunEvent).payload).toMatchObject({ status: "completed" });
  });

  test("an event that is not loaded stands for itself until it is", () => {
    const all = events(said("a"), said("b"), said("c"));
    const holes: (RunEvent | undefined)[] = [undefined, undefined, all[2]];
    const layout = new Layout({ count: 3, at: (index) => holes[index] });
    layout.add(2, 2);
    expect(layout.between(0, 999, 10).map((row) => row.index)).toEqual([0, 1, 2]);
    holes[0] = all[0];
    holes[1] = all[1];
    layout.add(0, 1);
    expect(shape(layout)).toEqual([[1, 2, 3]]);
  });

  test("in whatever order the pages come, the rows are the same", () => {
    const random = seeded(3);
    for (let round = 0; round < 40; round++) {
      const all = events(
        ...Array.from({ length: 120 }, (): [string, unknown] => {
          const kind = Math.floor(random() * 5);
          if (kind === 0) return tool(String(Math.floor(random() * 6)), "pending");
          return [said("a"), protocol, out("x"), ["note", { text: "n" }] as [string, unknown]][
            kind - 1
          ] as [string, unknown];
        }),
      );
      const wanted = shape(laid(all));
      const held: (RunEvent | undefined)[] = new Array(120);
      const layout = new Layout({ count: 120, at: (index) => held[index] });
      const pages = [0, 1, 2, 3, 4, 5].sort(() => random() - 0.5);
      for (const page of pages) {
        for (let at = page * 20; at < page * 20 + 20; at++) held[at] = all[at];
        layout.add(page * 20, page * 20 + 19);
      }
      expect(shape(layout)).toEqual(wanted);
    }
  });
});
