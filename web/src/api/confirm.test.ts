import { readFileSync } from "node:fs";
import { expect, test, vi } from "vitest";
import { type Act, CONFIRMED, Confirmation, wouldHappen } from "./confirm";
import { type Problem, ProblemError } from "./problem";

function refusal(code: string, detail = "", confirmation?: string): ProblemError {
  const problem: Problem = {
    type: "about:blank",
    title: code,
    status: 428,
    code,
    detail,
    next: "",
    confirmation,
  };
  return new ProblemError(problem);
}

const question = (token: string, says: string) =>
  refusal("confirmation_needed", `what would happen: ${says}`, token);
const of = (act: Act, token = "fhb_a") => new Confirmation("member.remove", act, () => token);

test("only acts are asked about that the server has confirmed: of others asking would be the deed", () => {
  const page = readFileSync(new URL("../../../docs/permissions.md", import.meta.url), "utf8");
  const marked = [...page.matchAll(/^\| `([a-z_.]+)` ! \|/gm)].map(([, act]) => act);
  expect(marked.length).toBeGreaterThan(0);
  expect([...CONFIRMED].sort()).toEqual(marked.sort());
});

test("what the server says is asked for once, and the yes brings its word", async () => {
  const act = vi
    .fn<Act>()
    .mockRejectedValueOnce(question("fha_1", "Ada is out"))
    .mockResolvedValueOnce(null);
  const one = of(act);
  expect(await Promise.all([one.ask(), one.ask()])).toEqual(["Ada is out", "Ada is out"]);
  await one.go();
  expect(act.mock.calls).toEqual([[], [{ Confirmation: "fha_1" }]]);
  // A second press does nothing more.
  await one.go();
  expect(act).toHaveBeenCalledTimes(2);
});

test("a program's token is asked nothing, so nothing is sent before the yes", async () => {
  for (const token of ["fhu_a", "fhp_a", ""]) {
    const act = vi.fn<Act>().mockResolvedValue(null);
    const one = of(act, token);
    expect(await one.ask()).toBeNull();
    expect(act).not.toHaveBeenCalled();
    await one.go();
    expect(act.mock.calls).toEqual([[undefined]]);
  }
});

test("what changed in between is not done, and what would happen now is said", async () => {
  const act = vi
    .fn<Act>()
    .mockRejectedValueOnce(question("fha_1", "Ada (viewer) is out"))
    .mockRejectedValueOnce(
      refusal(
        "confirmation_needed",
        "the confirmation is not for this act. What would happen: Ada (admin) is out",
        "fha_2",
      ),
    )
    .mockResolvedValueOnce(null);
  const one = of(act);
  await one.ask();
  await expect(one.go()).rejects.toThrow(/another by now/);
  expect(await one.ask()).toBe("Ada (admin) is out");
  await one.go();
  expect(act.mock.calls).toEqual([[], [{ Confirmation: "fha_1" }], [{ Confirmation: "fha_2" }]]);
});

test("where nothing could be asked, the first yes only asks", async () => {
  const act = vi
    .fn<Act>()
    .mockRejectedValueOnce(new TypeError("no network"))
    .mockRejectedValueOnce(question("fha_1", "Ada is out"))
    .mockResolvedValueOnce(null);
  const one = of(act);
  await expect(one.ask()).rejects.toThrow("no network");
  await expect(one.go()).rejects.toThrow();
  expect(await one.ask()).toBe("Ada is out");
  await one.go();
  expect(act).toHaveBeenCalledTimes(3);
});

test("other refusals are told as they are, and not tried again", async () => {
  const act = vi.fn<Act>().mockRejectedValue(refusal("last_owner"));
  const one = of(act);
  await expect(one.ask()).rejects.toMatchObject({ problem: { code: "last_owner" } });
  await expect(one.ask()).rejects.toMatchObject({ problem: { code: "last_owner" } });
  expect(act).toHaveBeenCalledTimes(1);
});

test("the words in front are the API's, not the page's", () => {
  expect(wouldHappen("what would happen: the agent `a` is removed")).toBe(
    "the agent `a` is removed",
  );
  expect(wouldHappen("it is over.\nWhat would happen: x")).toBe("x");
  expect(wouldHappen("something else")).toBe("something else");
});
