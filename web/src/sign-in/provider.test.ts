// @vitest-environment jsdom
import { beforeEach, expect, it } from "vitest";
import { cameWith, isPage, keep, takeCame, takeKept } from "./provider";

beforeEach(() => sessionStorage.clear());

it("reads what a provider sent the browser back with", () => {
  expect(cameWith("?code=a%2Bb&state=s&iss=https%3A%2F%2Fid.example.org")).toEqual({
    kind: "answer",
    code: "a+b",
    state: "s",
    iss: "https://id.example.org",
  });
  expect(cameWith("?code=7&state=8")).toEqual({ kind: "answer", code: "7", state: "8", iss: null });
  expect(cameWith("?error=access_denied&state=s&code=x")).toEqual({
    kind: "refused",
    error: "access_denied",
  });
  for (const search of ["", "?", "?code=a", "?state=s"]) {
    expect(cameWith(search)).toEqual({ kind: "nothing" });
  }
});

it("leaves nothing of it in the address", () => {
  window.history.replaceState(null, "", "/sign-in/with/corp?code=a&state=s");
  expect(takeCame(window).kind).toBe("answer");
  expect(window.location.href).toMatch(/\/sign-in\/with\/corp$/);
});

it("keeps the secret for the one provider, once", () => {
  const kept = { provider: "corp", secret: "fho_x", purpose: "sign-in" as const };
  keep(kept);
  expect(takeKept("other")).toBeNull();
  expect(takeKept("corp")).toBeNull();
  keep(kept);
  expect(takeKept("corp")).toEqual(kept);
  expect(takeKept("corp")).toBeNull();
  sessionStorage.setItem("freehold.way", "{");
  expect(takeKept("corp")).toBeNull();
});

it("goes to pages alone", () => {
  expect(isPage("https://id.example.org/auth?x=1") && isPage("http://127.0.0.1:4000/")).toBe(true);
  for (const url of ["javascript:alert(1)", "data:text/html,x", "/auth", "file:///etc", ""]) {
    expect(isPage(url)).toBe(false);
  }
});
