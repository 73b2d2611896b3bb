import { expect, it } from "vitest";
import { alikeAll, both, meanwhile, valueText } from "./merge";

const base = { name: "a", target: "main", events: ["x", "y"], review: false };

it("names what the other one changed, and where both did", () => {
  const mine = { ...base, name: "mine", events: ["x"] };
  const theirs = { ...base, name: "theirs", target: "next", events: ["x", "y"] };
  const met = meanwhile(base, mine, theirs);
  expect(met.changed).toEqual(["name", "target"]);
  expect(met.clashes).toEqual(["name"]);
});

it("loses nothing: what only one changed is kept, whoever it was", () => {
  const mine = { ...base, name: "mine", review: true };
  const theirs = { ...base, name: "theirs", target: "next" };
  const met = meanwhile(base, mine, theirs);
  expect(both(met, "mine")).toEqual({ ...base, name: "mine", target: "next", review: true });
  expect(both(met, "theirs")).toEqual({ ...base, name: "theirs", target: "next", review: true });
});

it("sees no clash where both said the same", () => {
  const same = { ...base, events: ["z"] };
  const met = meanwhile(base, { ...same, events: ["z"] }, same);
  expect(met).toMatchObject({ changed: ["events"], clashes: [] });
  expect(alikeAll(both(met, "theirs"), same)).toBe(true);
});

it("keeps what only this person knows of, like a key that was just typed", () => {
  const secret = { ...base, secret: "" };
  const met = meanwhile(secret, { ...secret, secret: "typed" }, { ...secret, name: "b" });
  expect(both(met, "theirs")).toEqual({ ...secret, name: "b", secret: "typed" });
});

it("shows values as words", () => {
  const words = { yes: "yes", no: "no", empty: "empty" };
  const texts = ["", true, false, ["a", "b"], [], { cpus: 2 }, {}, 7, "x"];
  expect(texts.map((one) => valueText(one, words))).toEqual([
    "empty",
    "yes",
    "no",
    "a, b",
    "empty",
    "cpus=2",
    "empty",
    "7",
    "x",
  ]);
});
