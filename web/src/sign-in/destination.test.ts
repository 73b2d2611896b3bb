import { describe, expect, it } from "vitest";
import { HOME, ownPath } from "./destination";

const ORIGIN = "http://localhost:8080";

describe("ownPath", () => {
  it("keeps a path of ours with its search and fragment", () => {
    for (const path of [
      "/",
      "/inbox",
      "/projects/proj_1?card=card_2&q=a%20b",
      "/runs/run_1/review#f3",
    ]) {
      expect(ownPath(path, ORIGIN)).toBe(path);
    }
  });

  it.each([
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/..//evil.example",
    "/.//evil.example",
    "javascript:alert(1)",
    " /inbox",
    "inbox",
    "",
    "http://localhost:8080.evil.example/",
  ])("goes to the start instead of %j", (wanted) => {
    expect(ownPath(wanted, ORIGIN)).toBe(HOME);
  });

  it.each([undefined, null, 3, ["/inbox"], {}])(
    "goes to the start for %j, which is no text",
    (wanted) => {
      expect(ownPath(wanted, ORIGIN)).toBe(HOME);
    },
  );

  it("does not lead back to the sign-in page, nor to what is no view", () => {
    for (const path of [
      "/sign-in",
      "/sign-in?next=/inbox",
      "/join",
      "/api/v1/me",
      "/docs/errors/invalid",
    ]) {
      expect(ownPath(path, ORIGIN)).toBe(HOME);
    }
    expect(ownPath("/sign-in-history", ORIGIN)).toBe("/sign-in-history");
  });
});
