// @vitest-environment jsdom
import { cleanup, fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Backend, fillIn, problem, stage } from "../board/stage";
import { CardDrawer } from "./card-drawer";
import { NewCardDialog } from "./new-card-dialog";
import { QuickAdd } from "./quick-add";

fillIn();
let server: Backend;
const agent = { id: "agt_1", name: "worker", labels: {} };
const runner = { id: "rnr_1", state: "online", labels: {}, capacity: 1, busy: 0 };

beforeEach(() => {
  server = new Backend();
  server.lists = { agents: [agent], runners: [runner], runs: [] };
  vi.stubGlobal("fetch", server.fetch);
});
afterEach(() => {
  cleanup();
  localStorage.clear();
  vi.unstubAllGlobals();
});

const ignore = () => undefined;
function drawer(id = "card_a") {
  const props = { onClose: ignore, onMove: ignore, onArchive: ignore, onRestore: ignore };
  return stage(<CardDrawer id={id} intent={null} known={undefined} {...props} />);
}
const type = (box: Element, value: string) => fireEvent.change(box, { target: { value } });
const press = (name: string | RegExp) => fireEvent.click(screen.getByRole("button", { name }));
const details = () => screen.getByRole("textbox", { name: "Details" });

describe("editing while someone else does", () => {
  async function edited() {
    server.add("card_a", { title: "T", body: "old" });
    drawer();
    fireEvent.click(await screen.findByRole("button", { name: "Edit" }));
    type(details(), "mine");
    const card = server.cards.get("card_a");
    if (!card) throw new Error("gone");
    const theirs = { ...card, body: "theirs", version: 2, updated_at: "2026-02-01T00:00:00Z" };
    server.answer = ({ method, headers }) => {
      if (method !== "PATCH" || headers.get("If-Match") === '"2"') return null;
      server.cards.set("card_a", theirs);
      return problem(412, "stale", "someone changed it");
    };
    press("Save");
    await screen.findByText("Two people changed this");
  }

  it("shows both texts, and keeps mine upon theirs when told so", async () => {
    await edited();
    press("Keep mine");
    await waitFor(() => expect(server.cards.get("card_a")?.body).toBe("mine"));
    expect(
      server
        .of("PATCH", /card_a/)
        .at(-1)
        ?.headers.get("If-Match"),
    ).toBe('"2"');
  });

  it("takes theirs when told so, and sends nothing more", async () => {
    await edited();
    press("Take theirs");
    await waitFor(() => expect(screen.queryByRole("textbox", { name: "Details" })).toBeNull());
    expect(server.cards.get("card_a")?.body).toBe("theirs");
    expect(server.of("PATCH", /card_a/)).toHaveLength(1);
  });

  it("puts both into the field for merging by hand", async () => {
    await edited();
    press("Merge by hand");
    await waitFor(() => expect((details() as HTMLTextAreaElement).value).toContain("theirs"));
    expect((details() as HTMLTextAreaElement).value).toContain("mine");
  });
});

it("keeps an unsaved edit over a reload of the page", async () => {
  server.add("card_a", { title: "T", body: "old" });
  const first = drawer();
  fireEvent.click(await screen.findByRole("button", { name: "Edit" }));
  type(details(), "half a thought");
  first.unmount();
  drawer();
  fireEvent.click(await screen.findByRole("button", { name: "Go on editing" }));
  expect((details() as HTMLTextAreaElement).value).toBe("half a thought");
});

it("tells a card that is not there from a server that is away", async () => {
  drawer("card_none");
  expect(await screen.findByText("There is no such card")).toBeTruthy();
  cleanup();
  server.answer = () => "lost";
  drawer("card_none");
  expect(await screen.findByRole("button", { name: "Try again" })).toBeTruthy();
});

describe("the start of a run", () => {
  it("leads to adding an agent when there is none", async () => {
    server.lists.agents = [];
    server.add("card_a");
    drawer();
    const add = await screen.findByRole("link", { name: "Add an agent" });
    expect(add.getAttribute("href")).toBe("/settings/agents");
  });

  it("says beforehand that nothing would run it", async () => {
    server.lists.runners = [{ ...runner, state: "offline" }];
    server.add("card_a");
    drawer();
    expect(await screen.findByText(/No runner is online, so the run will wait/)).toBeTruthy();
  });

  it("sends one key for one wish, however often it is asked", async () => {
    server.add("card_a");
    server.answer = ({ method, path }) =>
      method === "POST" && path.includes("/runs") ? "lost" : null;
    drawer();
    await screen.findByRole("button", { name: /Start run/ });
    await waitFor(() =>
      expect(screen.getByRole("button", { name: /Start run/ })).toHaveProperty("disabled", false),
    );
    const starts = () => server.of("POST", /\/runs$/);
    for (const n of [1, 2]) {
      fireEvent.keyDown(document.body, { key: "Enter", ctrlKey: true });
      await waitFor(() => expect(starts()).toHaveLength(n));
      await screen.findByRole("alert");
      await waitFor(() => expect(screen.queryByRole("button", { busy: true })).toBeNull());
    }
    const keys = starts().map((one) => one.headers.get("Idempotency-Key"));
    expect(keys[0]).toBeTruthy();
    expect(keys[1]).toBe(keys[0]);
    expect(starts()[0]?.body).toEqual({ agent: "agt_1" });
  });
});

describe("a new card", () => {
  function dialog(onAdded = vi.fn()) {
    stage(
      <NewCardDialog
        project="proj_1"
        lane="Backlog"
        seed={null}
        onClose={ignore}
        onAdded={onAdded}
      />,
    );
    return onAdded;
  }
  const title = () => screen.findByRole("textbox", { name: /Title/ });

  it("is made once by a double click", async () => {
    const added = dialog();
    type(await title(), "Once");
    press(/Add card/);
    press(/Add card/);
    await waitFor(() => expect(added).toHaveBeenCalledTimes(1));
    expect(added).toHaveBeenCalledWith(expect.anything(), false);
    expect(server.of("POST", /^\/cards$/)).toHaveLength(1);
  });

  it("is tried again with the same key after the answer was lost, and stays a draft until then", async () => {
    let lost = true;
    server.answer = ({ method }) => (lost && method === "POST" ? "lost" : null);
    const added = dialog();
    type(await title(), "Twice");
    press(/Add card/);
    await screen.findByRole("alert");
    cleanup();
    lost = false;
    dialog(added);
    expect(((await title()) as HTMLTextAreaElement).value).toBe("Twice");
    press(/Add card/);
    await waitFor(() => expect(added).toHaveBeenCalled());
    const [first, second] = server
      .of("POST", /^\/cards$/)
      .map((one) => one.headers.get("Idempotency-Key"));
    expect(second).toBe(first);
    cleanup();
    dialog();
    expect(((await title()) as HTMLTextAreaElement).value).toBe("");
  });

  it("of ten thousand letters is refused in words, and they stay", async () => {
    dialog();
    const long = "x".repeat(10_000);
    type(await title(), long);
    press(/Add card/);
    expect(await screen.findByText(/at most 500 fit/)).toBeTruthy();
    expect(((await title()) as HTMLTextAreaElement).value).toBe(long);
    expect(server.of("POST", /./)).toEqual([]);
  });
});

it("the quick field adds, is free for the next card, and keeps what was not added", async () => {
  server.answer = ({ method, body }) =>
    method === "POST" && body.title === "Second" ? "lost" : null;
  stage(<QuickAdd project="proj_1" lane="Test" onClose={ignore} onDetails={ignore} />);
  const box = (await screen.findByRole("textbox")) as HTMLTextAreaElement;
  for (const text of ["First", "Second"]) {
    type(box, text);
    fireEvent.keyDown(box, { key: "Enter" });
    expect(box.value).toBe("");
  }
  await screen.findByRole("button", { name: "Try again" });
  expect(screen.queryByText("First")).toBeNull();
  expect(screen.getByText("Second")).toBeTruthy();
  await waitFor(() => expect(server.of("POST", /move/)[0]?.body.lane).toBe("Test"));
  server.answer = () => null;
  press("Try again");
  await waitFor(() => expect(screen.queryByText("Second")).toBeNull());
  const keys = server.of("POST", /^\/cards$/).map((one) => one.headers.get("Idempotency-Key"));
  expect(keys[2]).toBe(keys[1]);
  expect(keys[1]).not.toBe(keys[0]);
});
