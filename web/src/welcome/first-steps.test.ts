import { expect, it } from "vitest";
import { firstStepsWish, hideFirstSteps, showFirstSteps, showsFirstSteps } from "./first-steps";

function memory(): Storage {
  const kept = new Map<string, string>();
  return {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
  } as unknown as Storage;
}

it("are shown until they are closed, and come back on wish", () => {
  const store = memory();
  expect(firstStepsWish(store)).toBe("auto");
  showFirstSteps(store);
  expect(firstStepsWish(store)).toBe("shown");
  hideFirstSteps(store);
  expect(firstStepsWish(store)).toBe("hidden");
});

it("need no storage", () => {
  const forbidden = {
    getItem: () => {
      throw new Error("forbidden");
    },
    setItem: () => {
      throw new Error("forbidden");
    },
  } as unknown as Storage;
  showFirstSteps(forbidden);
  expect(firstStepsWish(forbidden)).toBe("auto");
  expect(firstStepsWish(null)).toBe("auto");
});

it("get out of the way of who has landed something, unless asked for", () => {
  expect(showsFirstSteps("auto", false)).toBe(true);
  expect(showsFirstSteps("auto", true)).toBe(false);
  expect(showsFirstSteps("shown", true)).toBe(true);
  expect(showsFirstSteps("hidden", false)).toBe(false);
});
