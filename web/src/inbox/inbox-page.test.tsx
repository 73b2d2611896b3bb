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
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { InboxItem } from "../api";
import { keys } from "../api/queries";
import { listenForShortcuts } from "../app/shortcuts";
import { inbox as words } from "../strings/inbox";
import InboxPage from "./inbox-page";

const item = (kind: InboxItem["kind"], id: string, reason: string | null = null): InboxItem =>
  ({
    kind,
    since: "2026-11-21T10:00:00Z",
    project_name: "demo",
    run: { id, card: `card_${id}`, card_title: `Card ${id}`, agent: "codex", reason, checks: [] },
  }) as unknown as InboxItem;

let client: QueryClient;
let unlisten = () => {};

beforeEach(() => {
  unlisten = listenForShortcuts();
  vi.stubGlobal("scrollTo", () => {});
  vi.stubGlobal("CSS", { escape: (text: string) => text });
});

afterEach(() => {
  unlisten();
  cleanup();
  vi.unstubAllGlobals();
});

async function open(items: InboxItem[]) {
  client = new QueryClient({
    defaultOptions: { queries: { staleTime: Number.POSITIVE_INFINITY } },
  });
  client.setQueryData(keys.inbox, items);
  const root = createRootRoute({ component: Outlet });
  const page = createRoute({ getParentRoute: () => root, path: "/inbox", component: InboxPage });
  const rest = createRoute({
    getParentRoute: () => root,
    path: "$",
    component: () => <p>there</p>,
  });
  const router = createRouter({
    routeTree: root.addChildren([page, rest]),
    history: createMemoryHistory({ initialEntries: ["/inbox"] }),
  });
  render(
    <QueryClientProvider client={client}>
      <RouterProvider router={router as never} />
    </QueryClientProvider>,
  );
  await screen.findByRole("heading", { name: words.title });
  return router;
}

const press = (key: string) => fireEvent.keyDown(document.activeElement ?? document.body, { key });
const focused = () => document.activeElement?.textContent;

it("is walked by keys, and leads to the right page", async () => {
  const router = await open([item("failed", "b", "agent_failed"), item("review", "a")]);
  press("j");
  expect(focused()).toBe("Card a");
  press("j");
  expect(focused()).toBe("Card b");
  press("j");
  expect(focused()).toBe("Card b");
  press("k");
  press("a");
  await screen.findByText("there");
  expect(router.state.location.pathname).toBe("/runs/a/review");
});

it("leaves one on the next when the one that had the focus is decided elsewhere", async () => {
  await open([item("review", "c"), item("review", "b"), item("review", "a")]);
  press("j");
  press("j");
  expect(focused()).toBe("Card b");
  act(() => client.setQueryData(keys.inbox, [item("review", "c"), item("review", "a")]));
  await waitFor(() => expect(focused()).toBe("Card a"));
});

it("says why something is stuck, and offers what helps", async () => {
  await open([item("stuck", "a", "no_runner"), item("stuck", "b", "dependency_unmet")]);
  expect(screen.getByText("No runner is connected")).toBeTruthy();
  const add = screen.getByRole("link", { name: words.remedies.runner });
  expect(add.getAttribute("href")).toBe("/runners");
  expect(screen.getByRole("link", { name: words.remedies.card }).getAttribute("href")).toContain(
    "card_b",
  );
});

it("counts in the title, and is pleasant when nothing is there", async () => {
  await open([item("review", "a"), item("failed", "b")]);
  expect(document.title).toContain("(2)");
  act(() => client.setQueryData(keys.inbox, []));
  expect(await screen.findByText(words.empty.title)).toBeTruthy();
  expect(document.title).not.toContain("(");
});
