// @vitest-environment jsdom
import { act, cleanup, fireEvent, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { toast } from "../ui";
import { ProjectBoard } from "./project-board";
import { Backend, fillIn, problem, stage, VIEWER } from "./stage";

fillIn();
let server: Backend;

beforeEach(() => {
  server = new Backend();
  vi.stubGlobal("fetch", server.fetch);
});
afterEach(() => {
  cleanup();
  for (const { id } of toast.list()) toast.dismiss(id);
  localStorage.clear();
  vi.unstubAllGlobals();
});

const project = { id: "proj_1", name: "demo" } as Parameters<typeof ProjectBoard>[0]["project"];
const lane = (name: string) => screen.getByRole("region", { name: new RegExp(`^${name},`) });
const link = (title: string) => screen.findByRole("link", { name: new RegExp(`^${title}`) });
const key = (name: string) =>
  fireEvent.keyDown(document.activeElement ?? document.body, { key: name });

async function board() {
  server.add("card_a", { title: "Alpha", rank: 1 });
  server.add("card_b", { title: "Beta", rank: 2 });
  server.add("card_c", { title: "Gamma", lane: "Build", rank: 1 });
  const view = stage(<ProjectBoard project={project} />);
  (await link("Alpha")).focus();
  return view;
}

it("walks by arrows and letters", async () => {
  await board();
  key("j");
  expect(document.activeElement).toBe(await link("Beta"));
  key("ArrowRight");
  expect(document.activeElement).toBe(await link("Gamma"));
  key("h");
  expect(document.activeElement).toBe(await link("Alpha"));
});

it("lifts, carries and drops a card, says so, and keeps the focus on it", async () => {
  await board();
  key(" ");
  expect(screen.getByText(/^Lifted Alpha. It is in Backlog, place 1 of 2/)).toBeTruthy();
  key("ArrowRight");
  expect(within(lane("Planning")).getByText("Alpha")).toBeTruthy();
  expect(screen.getByText("Planning, place 1 of 1.")).toBeTruthy();
  expect(server.of("POST", /move/)).toEqual([]);
  key(" ");
  await waitFor(() => expect(server.of("POST", /move/)).toHaveLength(1));
  expect(server.of("POST", /move/)[0]?.body).toEqual({
    lane: "Planning",
    from: "Backlog",
    before: null,
  });
  expect(document.activeElement).toBe(await link("Alpha"));
  expect(within(lane("Planning")).getByText("Alpha")).toBeTruthy();
});

it("puts a lifted card back on Escape, and asks nothing", async () => {
  await board();
  key(" ");
  key("ArrowDown");
  key("ArrowRight");
  key("Escape");
  expect(screen.getByText("Cancelled. Alpha is back in Backlog.")).toBeTruthy();
  const titles = within(lane("Backlog"))
    .getAllByRole("link")
    .map((one) => one.textContent);
  expect(titles).toEqual(["Alpha", "Beta"]);
  expect(server.of("POST", /./)).toEqual([]);
});

it("does not let news move a card that is in the hand", async () => {
  const { client } = await board();
  key(" ");
  key("ArrowRight");
  const moved = server.cards.get("card_a");
  if (!moved) throw new Error("gone");
  server.cards.set("card_a", { ...moved, lane: "Done", updated_at: "2026-02-01T00:00:00Z" });
  server.add("card_n", { title: "News", lane: "Planning" });
  await act(() => client.invalidateQueries());
  expect(within(lane("Planning")).getByText("Alpha")).toBeTruthy();
  expect(screen.queryByText("News")).toBeNull();
  server.answer = ({ path }) =>
    path.includes("/move") ? problem(409, "conflict", "it is in Done") : null;
  key(" ");
  expect(await screen.findByText("Someone moved it to Done meanwhile.")).toBeTruthy();
  await waitFor(() => expect(within(lane("Done")).getByText("Alpha")).toBeTruthy());
  expect(screen.getByText("News")).toBeTruthy();
});

it("rolls back when the answer is lost, in words, and tries again when told to", async () => {
  await board();
  let away = true;
  server.answer = ({ path }) => (away && path.includes("/move") ? "lost" : null);
  key(" ");
  key("ArrowRight");
  key(" ");
  expect(await screen.findByText(/nothing was changed there/)).toBeTruthy();
  expect(within(lane("Backlog")).getByText("Alpha")).toBeTruthy();
  away = false;
  fireEvent.click(screen.getByRole("button", { name: "Try again" }));
  await waitFor(() => expect(within(lane("Planning")).getByText("Alpha")).toBeTruthy());
  expect(server.cards.get("card_a")?.lane).toBe("Planning");
});

it("undoes a move", async () => {
  await board();
  key(" ");
  key("ArrowRight");
  key(" ");
  fireEvent.click(await screen.findByRole("button", { name: "Undo" }));
  await waitFor(() => expect(server.cards.get("card_a")?.lane).toBe("Backlog"));
  expect(server.of("POST", /move/)[1]?.body).toEqual({
    lane: "Backlog",
    from: "Planning",
    before: "card_b",
  });
});

it("selects several and moves them at one stroke, in their order, and back", async () => {
  await board();
  key("x");
  key("j");
  key("x");
  expect(await screen.findByText("2 cards selected")).toBeTruthy();
  key("m");
  fireEvent.click(await screen.findByRole("menuitem", { name: "Test" }));
  await waitFor(() => expect(server.of("POST", /move/)).toHaveLength(2));
  expect(server.of("POST", /move/).map((one) => one.path)).toEqual([
    "/cards/card_a/move",
    "/cards/card_b/move",
  ]);
  expect(screen.queryByText("2 cards selected")).toBeNull();
  fireEvent.click(await screen.findByRole("button", { name: "Undo" }));
  await waitFor(() => expect(server.of("POST", /move/)).toHaveLength(4));
  const back = server.of("POST", /move/).slice(2);
  expect(back.map((one) => [one.path, one.body.before])).toEqual([
    ["/cards/card_b/move", null],
    ["/cards/card_a/move", "card_b"],
  ]);
});

it("hands the focus on when the card that has it is archived", async () => {
  await board();
  key("#");
  await waitFor(() => expect(screen.queryByRole("link", { name: /^Alpha/ })).toBeNull());
  const beta = await link("Beta");
  await waitFor(() => expect(document.activeElement).toBe(beta));
});

it("shows a title with markup as the text that it is", async () => {
  server.add("card_x", { title: "<img src=x onerror=alert(1)>" });
  stage(<ProjectBoard project={project} />);
  expect((await link("<img")).textContent).toBe("<img src=x onerror=alert(1)>");
  expect(document.querySelector("img")).toBeNull();
});

it("offers a viewer nothing that they may not do, by pointer or by key", async () => {
  server.me = VIEWER;
  server.add("card_a", { title: "Alpha", rank: 1 });
  server.add("card_b", { title: "Beta", rank: 2 });
  stage(<ProjectBoard project={project} />, "", VIEWER);
  (await link("Alpha")).focus();
  for (const name of ["New card", /^Add a card/, /^Add to/]) {
    expect(screen.queryByRole("button", { name })).toBeNull();
  }
  for (const one of [" ", "ArrowRight", " ", "x", "#", "c", "s", "e"]) key(one);
  // Nothing was lifted, selected, sent or opened.
  expect(screen.queryByText(/^Lifted/)).toBeNull();
  expect(screen.queryByText(/selected/)).toBeNull();
  expect(screen.queryByRole("dialog")).toBeNull();
  expect(server.asked.filter(({ method }) => method !== "GET")).toEqual([]);
  // What is left can still be reached.
  (await link("Alpha")).focus();
  key("m");
  const items = (await screen.findAllByRole("menuitem")).map((item) => item.textContent ?? "");
  expect(items.map((text) => text.replace(/Enter|↵/g, "").trim())).toEqual(["Open", "Copy link"]);
});
