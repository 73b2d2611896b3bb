// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  Outlet,
  RouterProvider,
} from "@tanstack/react-router";
import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { keys } from "../api/queries";
import { welcome as words } from "../strings/welcome";
import WelcomePage from "./welcome-page";

const RUNNER = { id: "rnr_1", name: "here", state: "online", labels: {} };
const PROJECT = { id: "prj_1", name: "demo" };
const AGENT = { id: "agt_1", name: "codex" };
const CARD = { id: "card_1", title: "Mend it", landed: false };
const LANDED = { id: "run_1", card: "card_1", project: "prj_1", state: "succeeded", landed: "abc" };

interface Server {
  runners?: unknown[];
  projects?: unknown[];
  agents?: unknown[];
  cards?: unknown[];
  runs?: unknown[];
}

let sent: { path: string; body: string; key: string | null }[] = [];
let client: QueryClient;

// Loaded on demand by the page; the first time takes longer than a test waits for a text.
beforeAll(() => import("./first-steps-list"), 30_000);

beforeEach(() => {
  sent = [];
  localStorage.clear();
  vi.stubGlobal("scrollTo", () => {});
});

afterEach(() => {
  client.clear();
  cleanup();
  vi.unstubAllGlobals();
});

async function open(server: Server) {
  vi.stubGlobal("fetch", async (address: string, init: RequestInit) => {
    const path = new URL(address, "http://x").pathname.replace("/api/v1/", "");
    if (init.method === "POST") {
      const key = new Headers(init.headers).get("Idempotency-Key");
      sent.push({ path, body: String(init.body), key });
      if (path === "cards") server.cards = [CARD];
      return new Response(JSON.stringify(CARD), { status: 201 });
    }
    const items = server[path as keyof Server] ?? [];
    return new Response(JSON.stringify({ items, next: null }), { status: 200 });
  });
  client = new QueryClient();
  const root = createRootRoute({ component: Outlet });
  const page = createRoute({ getParentRoute: () => root, path: "/", component: WelcomePage });
  const rest = createRoute({
    getParentRoute: () => root,
    path: "$",
    component: () => <p>there</p>,
  });
  const router = createRouter({
    routeTree: root.addChildren([page, rest]),
    history: createMemoryHistory({ initialEntries: ["/"] }),
  });
  render(
    <QueryClientProvider client={client}>
      <RouterProvider router={router as never} />
    </QueryClientProvider>,
  );
  return router;
}

const now = () => document.querySelector('[aria-current="step"]')?.textContent ?? "";

it("says how to get a runner, and goes on by itself when one is there", async () => {
  const server: Server = {};
  await open(server);
  expect(await screen.findByText(words.steps.runner.command)).toBeTruthy();
  server.runners = [RUNNER];
  await act(() => client.invalidateQueries({ queryKey: keys.runners }));
  await waitFor(() => expect(now()).toContain(words.steps.project.title));
});

it("puts the example on the board once, and offers the start", async () => {
  await open({ runners: [RUNNER], projects: [PROJECT], agents: [AGENT] });
  const button = await screen.findByRole("button", { name: words.steps.card.submit });
  fireEvent.click(button);
  fireEvent.submit(button.closest("form") as HTMLFormElement);
  expect(await screen.findByRole("button", { name: words.steps.start.submit })).toBeTruthy();
  expect(sent).toHaveLength(1);
  expect(JSON.parse(sent[0]?.body ?? "")).toMatchObject({
    project: "prj_1",
    title: words.card.exampleTitle,
  });
  expect(sent[0]?.key).toBeTruthy();
});

it("is hidden on wish, and leads to the board from then on", async () => {
  const router = await open({ runners: [RUNNER], projects: [PROJECT] });
  fireEvent.click(await screen.findByRole("button", { name: words.hide }));
  await screen.findByText("there");
  expect(router.state.location.pathname).toBe("/projects/prj_1");
});

it("does not bother who has landed something already", async () => {
  const router = await open({ projects: [PROJECT], cards: [CARD], runs: [LANDED] });
  await screen.findByText("there");
  expect(router.state.location.pathname).toBe("/projects/prj_1");
});

it("ends with a word about the landing while one looks on", async () => {
  const server: Server = { runners: [RUNNER], projects: [PROJECT], agents: [AGENT], cards: [CARD] };
  await open(server);
  await screen.findByRole("button", { name: words.steps.start.submit });
  server.runs = [LANDED];
  await act(() => client.invalidateQueries({ queryKey: keys.runs() }));
  expect(await screen.findByText(words.finished.title)).toBeTruthy();
});

it("ends with a word about the landing, also where that came about on another page", async () => {
  const server: Server = { runners: [RUNNER], projects: [PROJECT], agents: [AGENT], cards: [CARD] };
  await open(server);
  await screen.findByRole("button", { name: words.steps.start.submit });
  cleanup();
  await open({ ...server, runs: [LANDED] });
  expect(await screen.findByText(words.finished.title)).toBeTruthy();
  fireEvent.click(screen.getByRole("button", { name: words.finished.close }));
  await screen.findByText("there");
});
