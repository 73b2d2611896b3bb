// @vitest-environment jsdom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { session } from "../api/session";
import { fragmentToken } from "./credential";
import { enter, takeFragment } from "./enter";

type Answer = { status: number; body: unknown };

const REFUSED: Answer = {
  status: 401,
  body: { type: "", title: "no", status: 401, code: "unauthenticated", detail: "", next: "" },
};

/** Answers by path, and keeps what was asked. */
function server(answers: Record<string, Answer>) {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (address: string) => {
    const path = String(address).replace("/api/v1", "");
    asked.push(path);
    const answer = answers[path] ?? REFUSED;
    return new Response(JSON.stringify(answer.body), { status: answer.status });
  });
  return asked;
}

beforeEach(() => session.end("none"));
afterEach(() => vi.unstubAllGlobals());

it("exchanges a link for a session", async () => {
  const asked = server({ "/sign-in": { status: 200, body: { token: "fhu_new" } } });
  await enter("fhs_link");
  expect(asked).toEqual(["/sign-in"]);
  expect(session.token()).toBe("fhu_new");
});

it("uses no link up where somebody is signed in already", async () => {
  session.begin("fhu_old");
  const asked = server({ "/me": { status: 200, body: {} } });
  await enter("fhs_link");
  expect(asked).toEqual(["/me"]);
  expect(session.token()).toBe("fhu_old");
});

it("takes the link when the session that is there was revoked", async () => {
  session.begin("fhu_old");
  const asked = server({ "/sign-in": { status: 200, body: { token: "fhu_new" } } });
  await enter("fhs_link");
  expect(asked).toEqual(["/me", "/sign-in"]);
  expect(session.token()).toBe("fhu_new");
});

it("leaves nobody signed in by a link that was used", async () => {
  server({});
  await expect(enter("fhs_link")).rejects.toThrow();
  expect(session.token()).toBeNull();
});

it("takes the token out of the address, and leaves other fragments and the rest", () => {
  window.history.replaceState({ kept: 1 }, "", "/sign-in?back=%2Finbox#fhs_abc");
  expect(takeFragment(window, fragmentToken)).toBe("fhs_abc");
  expect(window.location.href).toMatch(/\/sign-in\?back=%2Finbox$/);
  expect(window.history.state).toEqual({ kept: 1 });
  window.history.replaceState(null, "", "/sign-in#other");
  expect(takeFragment(window, fragmentToken)).toBeNull();
  expect(window.location.hash).toBe("#other");
});
