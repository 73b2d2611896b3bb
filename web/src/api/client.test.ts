import { afterEach, describe, expect, it, vi } from "vitest";
import { address } from "./address";
import { api } from "./client";
import { Offline, ProblemError } from "./problem";
import { session } from "./session";

afterEach(() => {
  vi.unstubAllGlobals();
  session.end("none");
});

function answer(body: unknown, init?: ResponseInit) {
  const fetch = vi.fn(async (_address: string, _init?: RequestInit) => Response.json(body, init));
  vi.stubGlobal("fetch", fetch);
  return fetch;
}

describe("address", () => {
  it("escapes what a page's address brought in", () => {
    expect(address("/cards/{card}/move", { card: "../../sign-out?x#y" })).toBe(
      "/api/v1/cards/..%2F..%2Fsign-out%3Fx%23y/move",
    );
  });
  it("refuses parts that would climb or vanish", () => {
    for (const card of ["", ".", ".."]) expect(() => address("/cards/{card}", { card })).toThrow();
  });
  it("leaves out what is not asked", () => {
    expect(address("/runs", {}, { after: undefined, state: "failed,waiting", limit: 5 })).toBe(
      "/api/v1/runs?state=failed%2Cwaiting&limit=5",
    );
  });
});

describe("api", () => {
  it("sends the bearer, the key of the wish and the edition that was seen", async () => {
    session.begin("fhu_t");
    const fetch = answer({ id: "card_1" });
    await api.patch("/cards/{card}", {
      path: { card: "card_1" },
      body: { title: "x" },
      ifMatch: 3,
      idempotencyKey: "k",
    });
    const [url, init] = fetch.mock.calls[0] ?? [];
    expect(url).toBe("/api/v1/cards/card_1");
    expect(init?.headers).toMatchObject({
      Authorization: "Bearer fhu_t",
      "If-Match": '"3"',
      "Idempotency-Key": "k",
    });
    expect(init?.credentials).toBe("omit");
  });

  it("throws the server's problem, and words of its own where a proxy answered", async () => {
    answer({ code: "conflict", title: "no", detail: "moved", next: "look" }, { status: 409 });
    const conflict = await api.get("/me").catch((error: unknown) => error);
    expect(conflict).toBeInstanceOf(ProblemError);
    expect((conflict as ProblemError).problem).toMatchObject({ code: "conflict", status: 409 });
    vi.stubGlobal("fetch", async () => new Response("<html>oops</html>", { status: 500 }));
    const strange = await api.get("/me").catch((error: unknown) => error);
    expect((strange as ProblemError).problem).toMatchObject({
      code: "unexpected_answer",
      detail: "",
    });
  });

  it("calls it offline when no answer comes, but an abort an abort", async () => {
    vi.stubGlobal("fetch", async () => {
      throw new TypeError("failed to fetch");
    });
    await expect(api.get("/me")).rejects.toBeInstanceOf(Offline);
    const stop = new AbortController();
    stop.abort();
    await expect(api.get("/me", { signal: stop.signal })).rejects.toMatchObject({
      name: "AbortError",
    });
  });

  it("asks with no token where it is told to, and a refusal ends no session then", async () => {
    session.begin("here");
    const fetch = answer({ code: "unauthenticated", title: "t" }, { status: 401 });
    await api.get("/me", { token: null }).catch(() => undefined);
    expect(fetch.mock.calls[0]?.[1]?.headers).not.toHaveProperty("Authorization");
    expect(session.token()).toBe("here");
  });

  it("ends no session where what was sent along is what was refused", async () => {
    session.begin("here");
    answer({ code: "unauthenticated", title: "t" }, { status: 401 });
    const body = { current: "wrong", password: "p" };
    await api.post("/account/password", { body, proof: true }).catch(() => undefined);
    expect(session.token()).toBe("here");
  });

  it("keeps when to come again, of the document or of the header", async () => {
    const came = async (body: unknown) => {
      answer(body, { status: 429, headers: { "Retry-After": "7" } });
      const error = await api.get("/me").catch((thrown: unknown) => thrown);
      return (error as ProblemError).problem.retry_after_s;
    };
    expect(await came({ code: "too_many", title: "t", retry_after_s: 30 })).toBe(30);
    expect(await came("slow down")).toBe(7);
  });

  it("ends the session that was refused, never one that began meanwhile", async () => {
    session.begin("old");
    let release: (response: Response) => void = () => undefined;
    vi.stubGlobal("fetch", () => new Promise<Response>((resolve) => (release = resolve)));
    const late = api.get("/me").catch(() => undefined);
    session.begin("new");
    release(Response.json({ code: "unauthenticated", title: "t" }, { status: 401 }));
    await late;
    expect(session.token()).toBe("new");
    const now = api.get("/me").catch(() => undefined);
    release(Response.json({ code: "unauthenticated", title: "t" }, { status: 401 }));
    await now;
    expect(session.token()).toBeNull();
    expect(session.why()).toBe("refused");
  });
});
