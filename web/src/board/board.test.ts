import { describe, expect, it } from "vitest";
import { dropAt, type LaneBox, laneAt } from "./drop";
import { everything, filtered, fold, type Only, tally } from "./filter";
import { aCard } from "./fixtures";
import { type Board, LANES, type Lane, placeAt, put, toBoard } from "./lanes";
import { carry, type Lift, lift, placeOfLift, position } from "./lift";
import { directionOf, heir, next } from "./navigate";
import { SELECT_MAX, selected, toggled } from "./selection";

const ids = (board: Board, lane: Lane) => board[lane].map((card) => card.id);

const board = toBoard([
  aCard("b", { rank: 2 }),
  aCard("a", { rank: 1 }),
  aCard("c", { rank: 3 }),
  aCard("x", { lane: "Build", rank: 5 }),
  aCard("z", { lane: "Done", rank: 0 }),
]);

describe("lanes", () => {
  it("sort by rank, and by age where ranks are equal", () => {
    expect(ids(board, "Backlog")).toEqual(["a", "b", "c"]);
    expect(ids(toBoard([aCard("2"), aCard("1")]), "Backlog")).toEqual(["1", "2"]);
  });

  it("keep a card whose lane is newer than this page", () => {
    expect(ids(toBoard([aCard("a", { lane: "Limbo" as Lane })]), "Backlog")).toEqual(["a"]);
  });

  it("are the server's, in its order", () => {
    expect(LANES).toEqual(["Backlog", "Planning", "Build", "Test", "Review", "Done"]);
  });

  it("take a card within and between them", () => {
    expect(ids(put(board, "c", { lane: "Backlog", before: "a" }), "Backlog")).toEqual([
      "c",
      "a",
      "b",
    ]);
    const moved = put(board, "a", { lane: "Build", before: "x" });
    expect(ids(moved, "Build")).toEqual(["a", "x"]);
    expect(moved.Build[0]?.lane).toBe("Build");
    expect(ids(moved, "Backlog")).toEqual(["b", "c"]);
    expect(put(board, "nobody", { lane: "Build", before: null })).toBe(board);
  });
});

describe("filter", () => {
  const find = (q: string, only: Only | null = null) => {
    const { board: kept, hidden } = filtered(shelf, { q, only });
    return { found: LANES.flatMap((lane) => ids(kept, lane)).sort(), hidden };
  };
  const shelf = toBoard([
    aCard("card_1", { title: "Résumé der Straße", run_state: "waiting" }),
    aCard("card_2", { title: "Login", body: "flaky TEST in CI", run_state: "running" }),
    aCard("card_3", { title: "مرحبا", run_state: "failed", unmet: ["card_1"] }),
    aCard("card_4", { title: "done", lane: "Done", run_state: "failed" }),
    aCard("card_5", { title: "İstanbul <script>", run_state: "queued" }),
  ]);

  it("finds all words anywhere, without case and accents", () => {
    expect(find("resume STRASSE").found).toEqual(["card_1"]);
    expect(find("test login").found).toEqual(["card_2"]);
    expect(find("test resume")).toEqual({ found: [], hidden: 5 });
    expect(find("istanbul <script>").found).toEqual(["card_5"]);
    expect(find("مرحبا").found).toEqual(["card_3"]);
    expect(find("CARD_4").found).toEqual(["card_4"]);
  });

  it("shows everything for blanks", () => {
    expect(find("  \t ")).toEqual({
      found: ["card_1", "card_2", "card_3", "card_4", "card_5"],
      hidden: 0,
    });
    expect(filtered(shelf, everything).board).toBe(shelf);
  });

  it("tells states apart: what waits does not run, what is done has not failed", () => {
    expect(find("", "waiting").found).toEqual(["card_1"]);
    expect(find("", "running").found).toEqual(["card_2", "card_5"]);
    expect(find("", "failed").found).toEqual(["card_3"]);
    expect(find("", "blocked").found).toEqual(["card_3"]);
    expect(find("login", "failed")).toEqual({ found: [], hidden: 5 });
    expect(tally(shelf)).toEqual({ waiting: 1, running: 2, failed: 1, blocked: 1 });
  });

  it("counts what checks rejected as failed, and not what a person did", () => {
    const kept = toBoard([
      aCard("a", { run_state: "rejected", run_reason: "checks" }),
      aCard("b", { run_state: "rejected", run_reason: "rejected_by_person" }),
    ]);
    expect(ids(filtered(kept, { q: "", only: "failed" }).board, "Backlog")).toEqual(["a"]);
  });

  it("folds marks and compatibility letters", () => {
    expect(fold("ÅŞñ ﬁ")).toBe("asn fi");
  });
});

describe("navigation", () => {
  it("goes within a lane and stays at its ends", () => {
    expect(next(board, "a", "down")).toBe("b");
    expect(next(board, "c", "down")).toBe("c");
    expect(next(board, "a", "up")).toBe("a");
    expect(next(board, "b", "first")).toBe("a");
    expect(next(board, "b", "last")).toBe("c");
  });

  it("goes to the same height of the next lane that has cards", () => {
    expect(next(board, "c", "right")).toBe("x");
    expect(next(board, "x", "right")).toBe("z");
    expect(next(board, "z", "right")).toBe("z");
    expect(next(board, "x", "left")).toBe("a");
  });

  it("begins at the first card", () => {
    expect(next(board, null, "down")).toBe("a");
    expect(next(board, "gone", "left")).toBe("a");
    expect(next(toBoard([]), null, "down")).toBeNull();
  });

  it("knows arrows and letters", () => {
    expect(["ArrowUp", "j", "h", "ArrowRight", "q"].map(directionOf)).toEqual([
      "up",
      "down",
      "left",
      "right",
      null,
    ]);
  });

  it("hands the focus to the card below, above, or the first one", () => {
    const gone = (id: string) =>
      toBoard(LANES.flatMap((lane) => board[lane]).filter((card) => card.id !== id));
    expect(heir(board, gone("b"), "b")).toBe("c");
    expect(heir(board, gone("c"), "c")).toBe("b");
    expect(heir(board, gone("x"), "x")).toBe("a");
    expect(heir(toBoard([aCard("a")]), toBoard([]), "a")).toBeNull();
  });
});

describe("a card lifted by keyboard", () => {
  const lifted = (id: string) => lift(board, id) as Lift;

  it("goes down past one card at a time and ends at the lane's end", () => {
    const once = carry(board, lifted("a"), "down");
    expect(placeOfLift(board, once)).toEqual({ lane: "Backlog", before: "c" });
    const twice = carry(board, once, "down");
    expect(placeOfLift(board, twice)).toEqual({ lane: "Backlog", before: null });
    expect(carry(board, twice, "down")).toEqual(twice);
    expect(position(board, twice)).toEqual({ place: 3, of: 3 });
  });

  it("goes into empty lanes, and no further than the last", () => {
    const planning = carry(board, lifted("c"), "right");
    expect(planning).toMatchObject({ lane: "Planning", index: 0 });
    expect(position(board, planning)).toEqual({ place: 1, of: 1 });
    expect(carry(board, lifted("a"), "left").lane).toBe("Backlog");
    expect(carry(board, lifted("z"), "right").lane).toBe("Done");
  });

  it("comes back to where it was", () => {
    const back = carry(board, carry(board, lifted("b"), "down"), "up");
    expect(placeOfLift(board, back)).toEqual({ lane: "Backlog", before: "c" });
    expect(back.index).toBe(back.from.index);
  });

  it("is nothing when the card is not there", () => {
    expect(lift(board, "gone")).toBeNull();
  });
});

describe("a card dropped by pointer", () => {
  const boxes: LaneBox[] = [
    { lane: "Backlog", left: 0, right: 100, start: 50 },
    { lane: "Build", left: 120, right: 220, start: -950 },
  ];

  it("goes to the lane under the pointer, or the nearest", () => {
    expect(laneAt(boxes, 60)?.lane).toBe("Backlog");
    expect(laneAt(boxes, 118)?.lane).toBe("Build");
    expect(laneAt(boxes, 900)?.lane).toBe("Build");
    expect(laneAt([], 1)).toBeNull();
  });

  it("goes in front of the card whose middle is below", () => {
    const at = (y: number) => dropAt(board, boxes[0] as LaneBox, y, 100).before;
    expect([-500, 99, 101, 199, 201, 301, 9999].map(at)).toEqual([
      "a",
      "a",
      "b",
      "b",
      "c",
      null,
      null,
    ]);
  });

  it("counts what is scrolled away", () => {
    const long = toBoard(
      Array.from({ length: 30 }, (_, n) => aCard(`n${n}`, { lane: "Build", rank: n })),
    );
    expect(dropAt(long, boxes[1] as LaneBox, 60, 100).before).toBe("n10");
  });
});

describe("places", () => {
  it("are counted without the card itself", () => {
    expect(placeAt(board, "a", "Backlog", 1)).toEqual({ lane: "Backlog", before: "c" });
    expect(placeAt(board, "a", "Build", 9)).toEqual({ lane: "Build", before: null });
  });
});

describe("selection", () => {
  it("is bounded", () => {
    let chosen: ReadonlySet<string> | null = new Set<string>();
    for (let n = 0; n < SELECT_MAX; n++) chosen = toggled(chosen as ReadonlySet<string>, `${n}`);
    expect(chosen?.size).toBe(SELECT_MAX);
    expect(toggled(chosen as ReadonlySet<string>, "more")).toBeNull();
    expect(toggled(chosen as ReadonlySet<string>, "0")?.size).toBe(SELECT_MAX - 1);
  });

  it("counts only what is shown, in the board's order", () => {
    expect(selected(board, new Set(["z", "b", "hidden", "a"]))).toEqual(["a", "b", "z"]);
  });
});
