import { QueryClient } from "@tanstack/react-query";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Change } from "./changes";
import { feedCache, putCard, refresh } from "./live-cache";
import { keys } from "./queries";
import type { Card } from "./types";

const card = (id: string, over: Partial<Card> = {}) => ({ id, archived_at: null, ...over }) as Card;

afterEach(() => vi.unstubAllGlobals());

describe("putCard", () => {
  it("replaces in place, adds at the end, drops what was archived", () => {
    const cards = [card("a"), card("b")];
    expect(putCard(cards, card("a", { title: "new" })).map((one) => one.title)).toEqual([
      "new",
      undefined,
    ]);
    expect(putCard(cards, card("c")).map((one) => one.id)).toEqual(["a", "b", "c"]);
    expect(putCard(cards, card("a", { archived_at: "now" })).map((one) => one.id)).toEqual(["b"]);
  });
});

describe("refresh", () => {
  it("lets a load that is under way finish, then loads once more", async () => {
    const client = new QueryClient();
    const answers: ((value: string) => void)[] = [];
    const load = () => new Promise<string>((resolve) => answers.push(resolve));
    const { QueryObserver } = await import("@tanstack/react-query");
    const observer = new QueryObserver(client, { queryKey: ["x"], queryFn: load });
    const stop = observer.subscribe(() => undefined);
    for (let i = 0; i < 5; i += 1) refresh(client, ["x"]);
    expect(answers).toHaveLength(1);
    answers[0]?.("old");
    await vi.waitFor(() => expect(answers).toHaveLength(2));
    answers[1]?.("new");
    await vi.waitFor(() => expect(client.getQueryData(["x"])).toBe("new"));
    expect(answers).toHaveLength(2);
    stop();
  });
});

describe("feedCache", () => {
  it("fetches a card that changed and puts it into its list", async () => {
    const client = new QueryClient();
    client.setQueryData(keys.cards("p"), [card("card_1", { title: "old" })]);
    const fetch = vi.fn(async () => Response.json(card("card_1", { title: "new" })));
    vi.stubGlobal("fetch", fetch);
    let tell: (change: Change) => void = () => undefined;
    feedCache(
      {
        onChange: (listener) => {
          tell = listener;
          return () => true;
        },
      },
      client,
    );
    tell({ kind: "card", card: "card_1", project: "p" });
    const titles = () => client.getQueryData<Card[]>(keys.cards("p"))?.map((one) => one.title);
    await vi.waitFor(() => expect(titles()).toEqual(["new"]));
    expect(fetch).toHaveBeenCalledTimes(1);
  });
});
