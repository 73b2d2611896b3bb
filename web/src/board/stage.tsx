import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  Outlet,
  RouterProvider,
} from "@tanstack/react-router";
import { render } from "@testing-library/react";
import type { ReactNode } from "react";
import type { Me, Scope } from "../api";
import { keys } from "../api/queries";
import { boardSearch } from "../app/search";
import { Toaster } from "../ui";
import { aCard } from "./fixtures";
import type { Card } from "./lanes";

const SCOPES: Scope[] = ["read:board", "write:board", "read:jobs", "write:jobs", "review"];

/** For tests: who may do everything here, and who may do nothing. */
export const OWNER = { role: "owner" as const, scopes: SCOPES, review: false };
export const VIEWER = { role: "viewer" as const, scopes: SCOPES, review: false };

/** For tests: what a request of the page was. */
export interface Asked {
  method: string;
  path: string;
  body: Record<string, unknown>;
  headers: Headers;
}

type Answer = { status?: number; json: unknown } | "lost";

/** A server for tests that keeps cards as the real one does, and lets a test answer first. */
export class Backend {
  readonly asked: Asked[] = [];
  readonly cards = new Map<string, Card>();
  /** Looked at before everything else; null leaves the answer to the rest. */
  answer: (asked: Asked) => Answer | null | Promise<Answer | null> = () => null;
  lists: Record<string, unknown[]> = {};

  add(id: string, over: Partial<Card> = {}): Card {
    const card = aCard(id, over);
    this.cards.set(id, card);
    return card;
  }

  /** The requests of one kind. */
  of(method: string, path: RegExp): Asked[] {
    return this.asked.filter((one) => one.method === method && path.test(one.path));
  }

  readonly fetch = async (input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
    const asked: Asked = {
      method: init.method ?? "GET",
      path: String(input).replace("/api/v1", ""),
      body: typeof init.body === "string" ? JSON.parse(init.body) : {},
      headers: new Headers(init.headers),
    };
    this.asked.push(asked);
    const answer = (await this.answer(asked)) ?? this.usual(asked);
    if (answer === "lost") throw new TypeError("no network");
    const { status = 200, json } = answer;
    return new Response(JSON.stringify(json), { status });
  };

  /** Who is signed in. */
  me: Pick<Me, "role" | "scopes" | "review"> = OWNER;

  private usual({ method, path, body }: Asked): Answer {
    if (path === "/me") return { json: this.me };
    const [, noun = "", id = "", verb] = (path.split("?")[0] ?? "").split("/");
    if (id === "") {
      if (noun === "cards" && method === "POST") {
        return { json: this.add(`card_new${this.cards.size}`, body as Partial<Card>) };
      }
      const items = noun === "cards" ? [...this.cards.values()] : (this.lists[noun] ?? []);
      return { json: { items, next: null } };
    }
    const card = this.cards.get(id);
    if (noun !== "cards" || !card) return problem(404, "not_found", "it is not there");
    if (verb === "history") return { json: { items: [], next: null } };
    if (verb === "move") this.write(card, { lane: body.lane as Card["lane"] });
    if (method === "PATCH") this.write(card, { ...body, version: card.version + 1 });
    return { json: this.cards.get(id) };
  }

  private write(card: Card, patch: Partial<Card>): void {
    const updated_at = new Date(Date.parse(card.updated_at) + 1_000).toISOString();
    this.cards.set(card.id, { ...card, ...patch, updated_at });
  }
}

export function problem(status: number, code: string, detail: string): Answer {
  return { status, json: { type: "about:blank", title: code, status, code, detail, next: "" } };
}

/** Draws it at the board's address, with a cache and a router of its own. */
export function stage(what: ReactNode, search = "", me: Backend["me"] = OWNER) {
  const root = createRootRoute({ component: Outlet });
  const page = (path: string) =>
    createRoute({ getParentRoute: () => root, path, component: Outlet });
  const board = createRoute({
    getParentRoute: () => root,
    path: "/projects/$project",
    validateSearch: boardSearch,
    component: () => what,
  });
  const others = ["/runs/$run", "/runs/$run/review", "/settings/agents", "/runners"].map(page);
  const router = createRouter({
    routeTree: root.addChildren([board, ...others]),
    history: createMemoryHistory({ initialEntries: [`/projects/proj_1${search}`] }),
  });
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  // As the shell has it before a board is drawn.
  client.setQueryData(keys.me, me as Me);
  const view = render(
    <QueryClientProvider client={client}>
      <RouterProvider router={router as never} />
      <Toaster />
    </QueryClientProvider>,
  );
  return { ...view, router, client };
}

/** What jsdom lacks and the page's parts ask for. */
export function fillIn(): void {
  class Watch {
    observe() {}
    unobserve() {}
    disconnect() {}
  }
  Object.assign(globalThis, { ResizeObserver: Watch, IntersectionObserver: Watch });
  Element.prototype.scrollIntoView = () => {};
  Element.prototype.hasPointerCapture = () => false;
  window.scrollTo = () => {};
  globalThis.CSS ??= {} as typeof CSS;
  CSS.escape ??= (text: string) => text;
}
