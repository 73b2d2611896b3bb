import { expect, test, vi } from "vitest";
import { confirmed } from "./confirm";
import { type Problem, ProblemError } from "./problem";

function refusal(code: string, confirmation?: string): ProblemError {
  const problem: Problem = {
    type: "about:blank",
    title: code,
    status: 428,
    code,
    detail: "",
    next: "",
    confirmation,
  };
  return new ProblemError(problem);
}

test("the second try brings what the first was answered with", async () => {
  const act = vi
    .fn<(headers?: Record<string, string>) => Promise<string>>()
    .mockRejectedValueOnce(refusal("confirmation_needed", "fha_one"))
    .mockResolvedValueOnce("done");
  expect(await confirmed(act)).toBe("done");
  expect(act.mock.calls).toEqual([[], [{ Confirmation: "fha_one" }]]);
});

test("it is tried twice at most, and other refusals are not tried again", async () => {
  const asked = vi.fn().mockRejectedValue(refusal("confirmation_needed", "fha_one"));
  await expect(confirmed(asked)).rejects.toThrow();
  expect(asked).toHaveBeenCalledTimes(2);
  const other = vi.fn().mockRejectedValue(refusal("conflict", "fha_one"));
  await expect(confirmed(other)).rejects.toThrow();
  expect(other).toHaveBeenCalledTimes(1);
});
