import { describe, expect, it } from "vitest";
import { Offline, ProblemError } from "../api";
import { aCard } from "./fixtures";
import type { Change } from "./pending";
import { Dropped, Queue } from "./queue";
import { refusalOf } from "./requests";

const move = (card: string, lane: "Test" | "Done" = "Test"): Change => ({
  kind: "move",
  card,
  from: "Backlog",
  place: { lane, before: null },
});

/** A server whose answers the test gives. */
function scripted() {
  const sent: {
    change: Change;
    answer: (value: string) => void;
    refuse: (why: unknown) => void;
  }[] = [];
  const queue = new Queue<string>(
    (change) => new Promise((answer, refuse) => sent.push({ change, answer, refuse })),
  );
  let op = 0;
  const push = (change: Change) => queue.push({ op: ++op, change });
  const nth = async (n: number) => {
    for (let turn = 0; turn < 50 && sent.length <= n; turn++) await Promise.resolve();
    return sent[n] as (typeof sent)[number];
  };
  return { sent, push, nth };
}

describe("the queue of changes", () => {
  it("sends the next only after the answer to the last", async () => {
    const { sent, push, nth } = scripted();
    const a = push(move("a"));
    const b = push(move("b"));
    (await nth(0)).answer("A");
    expect(await a).toBe("A");
    (await nth(1)).answer("B");
    expect(await b).toBe("B");
    expect(sent.map(({ change }) => change.card)).toEqual(["a", "b"]);
  });

  it("gives up what rests on a refused change, and only that", async () => {
    const { sent, push, nth } = scripted();
    const first = push(move("a"));
    const rests = push(move("a", "Done"));
    const other = push(move("b"));
    (await nth(0)).refuse(new Error("no"));
    await expect(first).rejects.toThrow("no");
    await expect(rests).rejects.toBeInstanceOf(Dropped);
    (await nth(1)).answer("B");
    expect(await other).toBe("B");
    const again = push(move("a"));
    (await nth(2)).answer("A");
    expect(await again).toBe("A");
    expect(sent).toHaveLength(3);
  });
});

describe("a refusal in words", () => {
  const problem = (code: string) =>
    new ProblemError({ type: "", title: "t", status: 409, code, detail: "d", next: "n" });
  const look = async () => aCard("a", { lane: "Review" });

  it("says where someone else moved the card", async () => {
    expect(await refusalOf(move("a"), problem("conflict"), look)).toEqual({
      kind: "meanwhile",
      lane: "Review",
    });
    const away = () => Promise.reject(new Offline());
    expect(await refusalOf(move("a"), problem("conflict"), away)).toEqual({
      kind: "meanwhile",
      lane: null,
    });
  });

  it("tells a lost network from a card that is gone and from anything else", async () => {
    expect((await refusalOf(move("a"), new Offline(), look)).kind).toBe("offline");
    expect((await refusalOf(move("a"), problem("not_found"), look)).kind).toBe("gone");
    expect((await refusalOf({ kind: "archive", card: "a" }, problem("run_live"), look)).kind).toBe(
      "live",
    );
    expect(await refusalOf({ kind: "archive", card: "a" }, problem("conflict"), look)).toEqual({
      kind: "other",
      detail: "d",
      next: "n",
    });
  });
});
