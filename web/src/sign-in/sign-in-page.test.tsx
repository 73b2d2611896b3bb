// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import {
  createRootRoute,
  createRoute,
  createRouter,
  Outlet,
  RouterProvider,
} from "@tanstack/react-router";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { session } from "../api/session";
import { signInSearch } from "../app/search";
import { signIn as words } from "../strings/sign-in";
import SignInPage from "./sign-in-page";

const LINK = "fhs_AAECAwQFBgcICQoLDA0ODxAREhM.0a1b2c";

/** A local installation: nobody has a password. */
const WAYS = { registration: "closed", organizations: false, mail: false, providers: [] };

let asked: { path: string; body: string; address: string }[] = [];
let good: boolean;

beforeEach(() => {
  asked = [];
  good = true;
  session.end("none");
  vi.stubGlobal("scrollTo", () => {});
  vi.stubGlobal("fetch", async (path: string, init: RequestInit) => {
    if (path.endsWith("/sign-in/ways")) return Response.json(WAYS);
    asked.push({ path, body: String(init.body ?? ""), address: window.location.href });
    return good
      ? new Response(JSON.stringify({ token: "fhu_new" }), { status: 200 })
      : new Response(JSON.stringify({ title: "no", code: "unauthenticated", status: 401 }), {
          status: 401,
        });
  });
});

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function open(path: string) {
  window.history.replaceState(null, "", path);
  const root = createRootRoute({ component: Outlet });
  const signIn = createRoute({
    getParentRoute: () => root,
    path: "/sign-in",
    validateSearch: signInSearch,
    component: SignInPage,
  });
  const rest = createRoute({
    getParentRoute: () => root,
    path: "$",
    component: () => <p>inside</p>,
  });
  const router = createRouter({ routeTree: root.addChildren([signIn, rest]) });
  render(
    <QueryClientProvider client={new QueryClient()}>
      <RouterProvider router={router as never} />
    </QueryClientProvider>,
  );
}

it("exchanges the link, with the token out of the address before it is sent, and goes on", async () => {
  open(`/sign-in?back=%2Fruns%2Frun_1%3Ftab%3Doutput#${LINK}`);
  await screen.findByText("inside");
  expect(asked).toHaveLength(1);
  expect(asked[0]?.body).toBe(JSON.stringify({ token: LINK }));
  expect(asked[0]?.address).not.toContain("fhs_");
  expect(window.location.pathname + window.location.search).toBe("/runs/run_1?tab=output");
  expect(session.token()).toBe("fhu_new");
});

it.each(["//evil.example/x", "https://evil.example/x", "/\\evil.example"])(
  "goes to the start when it is told to go to %s",
  async (back) => {
    open(`/sign-in?back=${encodeURIComponent(back)}#${LINK}`);
    await screen.findByText("inside");
    expect(window.location.pathname).toBe("/");
  },
);

it("says that a link was used, and how to get another one", async () => {
  good = false;
  open(`/sign-in#${LINK}`);
  expect(await screen.findByText(words.usedTitle)).toBeTruthy();
  expect(screen.getByText(words.newLinkCommand)).toBeTruthy();
  expect(session.token()).toBeNull();
  expect(window.location.hash).toBe("");
});

it("takes a link that is pasted, and says what is no link", async () => {
  open("/sign-in?why=refused");
  expect(await screen.findByText(words.revokedTitle)).toBeTruthy();
  const field = await screen.findByLabelText(new RegExp(words.pasteLabel));
  fireEvent.change(field, { target: { value: "hunter2" } });
  fireEvent.click(screen.getByRole("button", { name: words.submit }));
  expect(await screen.findByText(words.refused.unknown)).toBeTruthy();
  expect(asked).toEqual([]);
  fireEvent.change(field, { target: { value: `http://localhost:8080/sign-in#${LINK}` } });
  fireEvent.submit(field.closest("form") as HTMLFormElement);
  await screen.findByText("inside");
  expect(asked).toHaveLength(1);
});

it("goes on at once where somebody is signed in, and takes a link opened in this tab", async () => {
  open("/sign-in");
  await screen.findByText(words.newLinkTitle);
  window.location.hash = LINK;
  await screen.findByText("inside");
  expect(asked).toHaveLength(1);
  cleanup();
  open("/sign-in?back=%2Finbox");
  await waitFor(() => expect(window.location.pathname).toBe("/inbox"));
  expect(asked).toHaveLength(1);
});
