import { expect, it } from "vitest";
import { isMissingPart } from "./missing-part";

it("knows a part that did not come, as each browser says it, from a mistake", () => {
  for (const said of [
    "Failed to fetch dynamically imported module: http://localhost:8080/assets/a-1.js",
    "error loading dynamically imported module: http://localhost:8080/assets/a-1.js",
    "Importing a module script failed.",
    "Unable to preload CSS for /assets/a-1.css",
  ]) {
    expect(isMissingPart(new TypeError(said))).toBe(true);
  }
  expect(isMissingPart(new TypeError("Failed to fetch"))).toBe(false);
  expect(isMissingPart(new TypeError("x is not a function"))).toBe(false);
  expect(isMissingPart("Importing a module script failed.")).toBe(false);
});
