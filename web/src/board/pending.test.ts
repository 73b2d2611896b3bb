import { describe, expect, it } from "vitest";
import { aCard, random } from "./fixtures";
import { type Board, type Card, LANES, type Lane, placeOf, put, toBoard } from "./lanes";
import {
  type BoardState,
  type Change,
  inverse,
  isIdle,
  nothing,
  PENDING_MAX,
  reduce,
  shown,
} from "./pending";

const ids = (board: Board, lane: Lane) => board[lane].map((card) => card.id);
const layout = (board: Board) => LANES.map((lane) => ids(board, lane));

function move(card: string, from: Lane, lane: Lane, before: string | null = null): Change {
  return { kind: "move", card, from, place: { lane, before } };
}

const two = [aCard("a", { rank: 1 }), aCard("b", { rank: 2 })];

describe("a change that waits for its answer", () => {
  it("is shown at once", () => {
    const state = reduce(
      { server: two, pending: [] },
      { type: "done", op: 1, change: move("a", "Backlog", "Test") },
    );
    expect(ids(shown(state), "Test")).toEqual(["a"]);
    expect(ids(shown(state), "Backlog")).toEqual(["b"]);
  });

  it("falls back to what the server says when it is refused, even when that has changed since", () => {
    let state = reduce(
      { server: two, pending: [] },
      { type: "done", op: 1, change: move("a", "Backlog", "Test") },
    );
    state = reduce(state, {
      type: "changed",
      card: aCard("a", { lane: "Review", updated_at: at(9) }),
    });
    expect(ids(shown(state), "Test")).toEqual(["a"]);
    state = reduce(state, { type: "refused", op: 1 });
    expect(ids(shown(state), "Review")).toEqual(["a"]);
  });

  it("goes to the end of the lane when the card it was put in front of has left", () => {
    const server = [...two, aCard("c", { lane: "Test", rank: 1 })];
    const change = move("a", "Backlog", "Test", "b");
    const state = reduce({ server, pending: [] }, { type: "done", op: 1, change });
    expect(ids(shown(state), "Test")).toEqual(["c", "a"]);
  });

  it("takes an archived card off the board and brings it back when that is refused", () => {
    let state = reduce(
      { server: two, pending: [] },
      { type: "done", op: 1, change: { kind: "archive", card: "a" } },
    );
    expect(ids(shown(state), "Backlog")).toEqual(["b"]);
    expect(ids(shown(state, "archive"), "Backlog")).toEqual(["a"]);
    state = reduce(state, { type: "refused", op: 1 });
    expect(ids(shown(state), "Backlog")).toEqual(["a", "b"]);
  });

  it("is not taken when too many wait", () => {
    let state: BoardState = { server: two, pending: [] };
    for (let op = 0; op < PENDING_MAX + 5; op++) {
      state = reduce(state, { type: "done", op, change: move("a", "Backlog", "Test") });
    }
    expect(state.pending).toHaveLength(PENDING_MAX);
  });
});

describe("answers that overtake one another", () => {
  it("do not bring an older edition back", () => {
    const newer = aCard("a", { lane: "Review", updated_at: at(5) });
    const state = reduce(
      { server: [newer], pending: [] },
      { type: "changed", card: aCard("a", { updated_at: at(4) }) },
    );
    expect(ids(shown(state), "Review")).toEqual(["a"]);
  });
});

describe("undo", () => {
  it("puts a card back in front of the one it stood in front of", () => {
    const board = toBoard(two);
    const change = move("a", "Backlog", "Test");
    expect(inverse(board, change)).toEqual(move("a", "Test", "Backlog", "b"));
    const after = put(board, "a", { lane: "Test", before: null });
    expect(layout(put(after, "a", { lane: "Backlog", before: "b" }))).toEqual(layout(board));
  });

  it("of archive is restore", () => {
    expect(inverse(toBoard(two), { kind: "archive", card: "a" })).toEqual({
      kind: "restore",
      card: "a",
    });
  });

  it("knows a move that changes nothing", () => {
    const board = toBoard(two);
    expect(isIdle(board, move("a", "Backlog", "Backlog", "b"))).toBe(true);
    expect(isIdle(board, move("a", "Backlog", "Backlog", "a"))).toBe(true);
    expect(isIdle(board, move("b", "Backlog", "Backlog"))).toBe(true);
    expect(isIdle(board, move("a", "Backlog", "Backlog"))).toBe(false);
    expect(isIdle(board, move("a", "Backlog", "Test"))).toBe(false);
  });
});

/**
 * A server that takes requests in the order sent and refuses some, other people who move cards, and answers,
 * lists and hints that arrive in any order. When all has arrived the page shows the server's board.
 */
describe("random interleavings", () => {
  it.each([1, 101, 201, 301])("end as the server has it (100 seeds from %i)", (first) => {
    for (let seed = first; seed < first + 100; seed++) play(seed);
  });
});

type Arrival = Parameters<typeof reduce>[1];

function play(seed: number) {
  const rng = random(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(rng() * items.length)] as T;
  const names = Array.from({ length: 6 }, (_, n) => `card_${n}`);
  let clock = 0;
  const truth = new Map<string, Card>(
    names.map((id, n) => [id, aCard(id, { rank: n, updated_at: at(clock) })]),
  );
  const wire: Arrival[] = [];
  const write = (id: string, patch: Partial<Card>): Card => {
    clock += 1;
    const card = { ...(truth.get(id) as Card), ...patch, updated_at: at(clock) };
    truth.set(id, card);
    wire.push({ type: "changed", card });
    return card;
  };
  const serverMove = (id: string, lane: Lane, before: string | null): Card => {
    const board = put(toBoard(truth.values()), id, { lane, before });
    // The server writes ranks anew for the whole lane when it runs out of room between two.
    board[lane].forEach((card, rank) => {
      if (card.id !== id && card.rank !== rank) write(card.id, { rank });
    });
    return write(id, { lane, rank: board[lane].findIndex((card) => card.id === id) });
  };

  let state = reduce(nothing, { type: "loaded", cards: [...truth.values()] });
  let op = 0;
  for (let step = 0; step < 60; step++) {
    const roll = rng();
    const id = pick(names);
    if (roll < 0.35) {
      op += 1;
      const seen = placeOf(shown(state), id);
      const change: Change =
        seen && rng() < 0.8
          ? move(id, seen.lane, pick(LANES), rng() < 0.5 ? pick(names) : null)
          : { kind: rng() < 0.5 ? "archive" : "restore", card: id };
      state = reduce(state, { type: "done", op, change });
      const card = truth.get(id) as Card;
      const refused = rng() < 0.2 || (change.kind === "move" && change.from !== card.lane);
      if (refused) wire.push({ type: "refused", op });
      else if (change.kind === "move") {
        wire.push({
          type: "accepted",
          op,
          card: serverMove(id, change.place.lane, change.place.before),
        });
      } else {
        const archived_at = change.kind === "archive" ? at(clock) : null;
        wire.push({ type: "accepted", op, card: write(id, { archived_at }) });
      }
    } else if (roll < 0.55) {
      serverMove(id, pick(LANES), rng() < 0.5 ? pick(names) : null);
    } else if (roll < 0.65) {
      wire.push({ type: "loaded", cards: [...truth.values()] });
    } else if (wire.length > 0) {
      const [arrival] = wire.splice(Math.floor(rng() * wire.length), 1);
      state = reduce(state, arrival as Arrival);
    }
    const places = LANES.flatMap((lane) => ids(shown(state), lane));
    expect(new Set(places).size, `seed ${seed}: a card stands twice`).toBe(places.length);
  }
  while (wire.length > 0) {
    const [arrival] = wire.splice(Math.floor(rng() * wire.length), 1);
    state = reduce(state, arrival as Arrival);
  }
  expect(state.pending, `seed ${seed}`).toEqual([]);
  const kept = [...truth.values()].filter((card) => card.archived_at === null);
  expect(layout(shown(state)), `seed ${seed}`).toEqual(layout(toBoard(kept)));
}

function at(second: number): string {
  return new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
}
