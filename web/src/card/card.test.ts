import { describe, expect, it } from "vitest";
import { aCard, random } from "../board/fixtures";
import { CHOICES_MAX, choices, dependents } from "./depends";
import { blank, isDraft, splitTitle, TITLE_MAX, titleFault, titleOf } from "./draft";
import { begin, changed, clashes, type Edit, isEdit, joined, patchOf, rebase } from "./edit";
import { forget, KEEP_MAX, keep, kept } from "./keep";
import { newKey, wish } from "./once";
import { hindrance, preselect, type Runner, startCommand } from "./start";

function memory(): Storage {
  const values = new Map<string, string>();
  return {
    getItem: (name: string) => values.get(name) ?? null,
    setItem: (name: string, value: string) => void values.set(name, value),
    removeItem: (name: string) => void values.delete(name),
  } as Storage;
}

describe("a wish", () => {
  it("keeps its key until it changes", () => {
    let n = 0;
    const fresh = () => `key${++n}`;
    const first = wish(null, { title: "a" }, fresh);
    expect(wish(first, { title: "a" }, fresh).key).toBe("key1");
    expect(wish(first, { title: "b" }, fresh).key).toBe("key2");
    expect(newKey()).toMatch(/^[0-9a-f]{32}$/);
    expect(newKey()).not.toBe(newKey());
  });
});

describe("what is kept in the browser", () => {
  it("comes back, and only in the shape that is asked for", () => {
    const storage = memory();
    expect(keep(storage, "d", { ...blank, title: "x" })).toBe(true);
    expect(kept(storage, "d", isDraft)?.title).toBe("x");
    expect(kept(storage, "d", isEdit)).toBeNull();
    storage.setItem("freehold.kept.d", "{broken");
    expect(kept(storage, "d", isDraft)).toBeNull();
    forget(storage, "d");
    expect(kept(storage, "d", isDraft)).toBeNull();
  });

  it("is given up quietly when it is too large or forbidden", () => {
    expect(keep(memory(), "d", "x".repeat(KEEP_MAX + 1))).toBe(false);
    const full = {
      ...memory(),
      setItem: () => {
        throw new Error("quota");
      },
    };
    expect(keep(full, "d", 1)).toBe(false);
    expect(keep(null, "d", 1)).toBe(false);
  });
});

describe("a title", () => {
  it("is one line of 1 to 500 characters, counted as the server counts", () => {
    expect(titleOf(" a\n b\t c ")).toBe("a b c");
    expect(titleFault("  ")).toBe("empty");
    expect(titleFault("😀".repeat(TITLE_MAX))).toBeNull();
    expect(titleFault("😀".repeat(TITLE_MAX + 1))).toBe("long");
  });

  it("that is too long loses nothing: the whole goes to the body", () => {
    const long = "word ".repeat(2000);
    const { title, body } = splitTitle(long);
    expect(titleFault(title)).toBeNull();
    expect(title.endsWith("word…")).toBe(true);
    expect(body).toBe(long.trim());
    expect(titleFault(splitTitle("x".repeat(10_000)).title)).toBeNull();
    expect(splitTitle("short")).toEqual({ title: "short", body: "" });
  });
});

describe("an edit", () => {
  const card = { version: 3, title: "t", body: "b" };
  const mine: Edit = { ...begin(card), body: "mine" };

  it("sends only what was changed", () => {
    expect(patchOf(begin(card))).toEqual({});
    expect(patchOf(mine)).toEqual({ body: "mine" });
  });

  it("does not clash with a change elsewhere, and takes it over", () => {
    const theirs = { version: 4, title: "theirs", body: "b" };
    expect(clashes(mine, theirs)).toEqual([]);
    expect(rebase(mine, theirs)).toEqual({ base: theirs, title: "theirs", body: "mine" });
  });

  it("clashes where both changed one text, unless to the same", () => {
    expect(clashes(mine, { ...card, version: 4, body: "theirs" })).toEqual(["body"]);
    expect(clashes(mine, { ...card, version: 4, body: "mine" })).toEqual([]);
    expect(changed(rebase(mine, { ...card, version: 4, body: "mine" }))).toEqual([]);
  });

  it("joins both texts so that every line of each is there, in its order", () => {
    expect(joined("a\nx\nc", "a\ny\nc", { mine: "<", theirs: ">" })).toBe("a\n<\nx\n>\ny\nc");
    const rng = random(7);
    const text = () =>
      Array.from({ length: Math.floor(rng() * 6) }, () => "abc"[Math.floor(rng() * 3)]);
    for (let n = 0; n < 300; n++) {
      const [a, b] = [text(), text()];
      const both = joined(a.join("\n"), b.join("\n"), { mine: "<", theirs: ">" }).split("\n");
      for (const side of [a, b]) {
        let from = 0;
        for (const line of side) {
          from = both.indexOf(line as string, from) + 1;
          expect(from).toBeGreaterThan(0);
        }
      }
    }
  });
});

describe("start", () => {
  const agent = (id: string, labels = {}) => ({ id, name: id, labels });
  const runner = (over: Partial<Runner> = {}): Runner => ({
    state: "online",
    labels: {},
    capacity: 1,
    busy: 0,
    ...over,
  });

  it("offers the agent used last, the only one, or none", () => {
    const two = [agent("a"), agent("b")];
    expect(preselect(two, "b")).toBe("b");
    expect(preselect(two, "gone")).toBeNull();
    expect(preselect([agent("a")], "gone")).toBe("a");
    expect(preselect([], null)).toBeNull();
  });

  it("says beforehand what a run would wait for", () => {
    const one = agent("a", { gpu: "a100" });
    const says = (runners: Parameters<typeof hindrance>[1], unmet = 0) =>
      hindrance([one], runners, one, unmet)?.kind ?? null;
    expect(hindrance([], [], null, 0)?.kind).toBe("no_agent");
    expect(says([])).toBe("no_runner");
    expect(says([runner({ state: "offline" }), runner({ state: "draining" })])).toBe("no_runner");
    expect(says([runner()])).toBe("no_runner_with_label");
    expect(says([runner({ labels: { gpu: "a100" }, busy: 1 })])).toBe("runners_busy");
    expect(says([runner({ labels: { gpu: "a100" } })])).toBeNull();
    expect(says([], 2)).toBe("dependency_unmet");
    expect(says(null)).toBeNull();
  });

  it("has a command that a shell takes as it stands", () => {
    expect(startCommand("card_1", "worker")).toBe(
      "freehold run start card_1 --agent worker --wait",
    );
    expect(startCommand("card_1", "a; rm -rf")).toBe("freehold run start card_1 --wait");
  });
});

describe("dependencies", () => {
  const cards = [
    aCard("card_a", { title: "Éclair" }),
    aCard("card_b", { depends: ["card_a"] }),
    aCard("card_c"),
  ];

  it("offer the others, found by title or id", () => {
    expect(choices(cards, "card_c", [], "").map((card) => card.id)).toEqual(["card_a", "card_b"]);
    expect(choices(cards, "card_c", ["card_a"], "").map((card) => card.id)).toEqual(["card_b"]);
    expect(choices(cards, null, [], "eclair").map((card) => card.id)).toEqual(["card_a"]);
    const many = Array.from({ length: 99 }, (_, n) => aCard(`c${n}`));
    expect(choices(many, null, [], "")).toHaveLength(CHOICES_MAX);
    expect(dependents(cards, "card_a").map((card) => card.id)).toEqual(["card_b"]);
  });
});
