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
import { account as words } from "../strings/account";
import { signIn } from "../strings/sign-in";
import ConfirmPage from "./confirm-page";
import JoinPage from "./join-page";
import NewPasswordPage from "./new-password-page";
import SignInPage from "./sign-in-page";
import WithPage from "./with-page";

const SECRET = "AAECAwQFBgcICQoLDA0ODxAREhM.0a1b2c";
const PASSWORD = "a tall blue horse";
const GIVEN = { token: "fhb_new", renew_at: "2026-11-23T00:00:00Z" };
const SEEN = {
  organization: "Navy",
  email: "grace@example.org",
  role: "developer",
  by: "Ada",
  has_account: false,
};

type Reply = { status: number; body?: unknown; headers?: Record<string, string> };
interface Asked {
  path: string;
  body: unknown;
  token: boolean;
  address: string;
}

let asked: Asked[] = [];
let replies: Record<string, Reply> = {};

beforeEach(() => {
  asked = [];
  sessionStorage.clear();
  replies = {
    "/sign-in/ways": {
      status: 200,
      body: { registration: "open", organizations: true, mail: true, providers: [] },
    },
  };
  session.end("none");
  vi.stubGlobal("scrollTo", () => {});
  vi.stubGlobal("fetch", async (full: string, init: RequestInit) => {
    const path = full.replace("/api/v1", "");
    const headers = init.headers as Record<string, string>;
    const body = init.body === undefined ? null : JSON.parse(String(init.body));
    if (path !== "/sign-in/ways") {
      const token = "Authorization" in headers;
      asked.push({ path, body, token, address: window.location.href });
    }
    const reply = replies[path] ?? { status: 204 };
    const text = reply.body === undefined ? null : JSON.stringify(reply.body);
    return new Response(text, { status: reply.status, headers: reply.headers });
  });
});

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function open(path: string) {
  window.history.replaceState(null, "", path);
  const root = createRootRoute({ component: Outlet });
  const page = (at: string, component: () => React.ReactNode) =>
    createRoute({ getParentRoute: () => root, path: at, component });
  const signIn = createRoute({
    getParentRoute: () => root,
    path: "/sign-in",
    validateSearch: signInSearch,
    component: SignInPage,
  });
  const router = createRouter({
    routeTree: root.addChildren([
      signIn,
      page("/confirm", ConfirmPage),
      page("/new-password", NewPasswordPage),
      page("/join", JoinPage),
      page("/sign-in/with/$provider", WithPage),
      page("$", () => <p>inside</p>),
      page("/", () => <p>inside</p>),
    ]),
  });
  render(
    <QueryClientProvider client={new QueryClient()}>
      <RouterProvider router={router as never} />
    </QueryClientProvider>,
  );
}

function refuse(path: string, code: string, status: number, more: object = {}) {
  const body = { title: "no", code, status, detail: `it is ${code}`, next: "do better", ...more };
  replies[path] = { status, body };
}

async function type(label: string, text: string) {
  const field = await screen.findByLabelText(new RegExp(`^${label}`));
  fireEvent.change(field, { target: { value: text } });
  return field as HTMLInputElement;
}

const press = (name: string) => fireEvent.click(screen.getByRole("button", { name }));
const go = async (name: string) => fireEvent.click(await screen.findByRole("link", { name }));

it("signs in with a password, and goes on where one wanted to be", async () => {
  replies["/sign-in/password"] = { status: 200, body: GIVEN };
  open("/sign-in?back=%2Finbox");
  const address = await type(words.address, " grace@example.org ");
  const password = await type(words.password, PASSWORD);
  expect([address.autocomplete, password.autocomplete]).toEqual(["username", "current-password"]);
  press(words.signIn);
  await screen.findByText("inside");
  expect(asked).toMatchObject([
    { path: "/sign-in/password", body: { email: "grace@example.org", password: PASSWORD } },
  ]);
  expect(window.location.pathname).toBe("/inbox");
  expect(session.token()).toBe("fhb_new");
  expect(session.renewAt()).toBe(Date.parse(GIVEN.renew_at));
});

it("says what the server says, with the focus there, and when to try again", async () => {
  refuse("/sign-in/password", "too_many", 429, { retry_after_s: 30 });
  open("/sign-in");
  await type(words.address, "grace@example.org");
  await type(words.password, "wrong");
  press(words.signIn);
  expect(await screen.findByText(/It is too_many/)).toBeTruthy();
  expect(screen.getByText("Do better.")).toBeTruthy();
  expect(screen.getByText(/possible in 30 seconds, at/)).toBeTruthy();
  const alert = screen.getByRole("alert");
  await waitFor(() => expect(document.activeElement?.contains(alert)).toBe(true));
  expect((screen.getByLabelText(/^Password/) as HTMLInputElement).value).toBe("wrong");
});

it("is sent once, and nothing can be changed meanwhile", async () => {
  let answer: (response: Response) => void = () => {};
  const fetched = globalThis.fetch;
  vi.stubGlobal("fetch", (path: string, init: RequestInit) =>
    path.endsWith("/sign-in/password")
      ? new Promise<Response>((resolve) => {
          asked.push({ path, body: null, token: false, address: "" });
          answer = resolve;
        })
      : fetched(path, init),
  );
  open("/sign-in");
  await type(words.address, "grace@example.org");
  const password = await type(words.password, PASSWORD);
  press(words.signIn);
  press(words.signIn);
  await waitFor(() => expect(password.closest("fieldset")?.disabled).toBe(true));
  expect(asked).toHaveLength(1);
  answer(Response.json(GIVEN));
  await screen.findByText("inside");
});

it("leads the focus to what is wrong, and asks the server nothing", async () => {
  open("/sign-in?view=register");
  await type(words.name, "Grace");
  await type(words.organization, "Navy");
  await type(words.address, "grace@example.org");
  const password = await type(words.password, "short");
  press(words.register.submit);
  expect(await screen.findByText(words.faults.short(7))).toBeTruthy();
  await waitFor(() => expect(document.activeElement).toBe(password));
  expect(password.autocomplete).toBe("new-password");
  expect(asked).toEqual([]);
});

it("makes an account, and says to look at the mail", async () => {
  open("/sign-in");
  await go(words.registerLink);
  await type(words.name, "Grace");
  await type(words.organization, "Navy");
  await type(words.address, "grace@example.org");
  await type(words.password, PASSWORD);
  press(words.register.submit);
  expect(await screen.findByText(words.register.sentTitle)).toBeTruthy();
  const body = { name: "Grace", organization: "Navy", email: "grace@example.org" };
  expect(asked).toMatchObject([{ path: "/registrations", body: { ...body, password: PASSWORD } }]);
});

it("asks for a mail, and says the same whoever has the address", async () => {
  open("/sign-in?back=%2Finbox");
  await go(words.forgottenLink);
  const heading = await screen.findByRole("heading", { name: words.forgotten.title });
  await waitFor(() => expect(document.activeElement).toBe(heading));
  expect(window.location.search).toContain("back=");
  await type(words.address, "nobody@example.org");
  press(words.forgotten.submit);
  expect(await screen.findByText(words.forgotten.sent("nobody@example.org"))).toBeTruthy();
  expect(asked).toMatchObject([
    { path: "/password/forgot", body: { email: "nobody@example.org" } },
  ]);
});

it("says of a link that was used where one gets another, and not beside the password", async () => {
  refuse("/sign-in", "unauthenticated", 401);
  open(`/sign-in#fhs_${SECRET}`);
  expect(await screen.findByText(signIn.usedTitle)).toBeTruthy();
  expect(await screen.findByText(signIn.newLinkCommand)).toBeTruthy();
  await go(words.passwordLink);
  await screen.findByLabelText(/^Password/);
  expect(screen.queryByText(signIn.usedTitle)).toBeNull();
});

it("shows nothing that the server cannot do", async () => {
  replies["/sign-in/ways"] = {
    status: 200,
    body: { registration: "invited", organizations: false, mail: false, providers: [] },
  };
  open("/sign-in?view=register");
  await screen.findByLabelText(/^Password/);
  expect(screen.queryByRole("link", { name: words.registerLink })).toBeNull();
  expect(screen.queryByRole("link", { name: words.forgottenLink })).toBeNull();
  expect(screen.getByRole("link", { name: words.linkLink })).toBeTruthy();
});

it("confirms an address with the password, the token out of the address before", async () => {
  replies["/registrations/confirm"] = { status: 200, body: GIVEN };
  open(`/confirm#fhc_${SECRET}`);
  await type(words.password, PASSWORD);
  expect(window.location.hash).toBe("");
  press(words.confirm.submit);
  await screen.findByText("inside");
  expect(asked[0]?.body).toEqual({ token: `fhc_${SECRET}`, password: PASSWORD });
  expect(asked[0]?.address).not.toContain("fhc_");
  expect(session.token()).toBe("fhb_new");
  expect(JSON.stringify(localStorage)).not.toContain("fhc_");
});

it("says that a page without a token needs its link", async () => {
  open("/confirm");
  expect(await screen.findByText(words.link.missingTitle)).toBeTruthy();
  window.location.hash = `fhc_${SECRET}`;
  expect(await screen.findByLabelText(/^Password/)).toBeTruthy();
});

it("sets a new password, and sees whether this browser's session has ended", async () => {
  session.begin("fhb_old");
  refuse("/me", "unauthenticated", 401);
  open(`/new-password#fhw_${SECRET}`);
  const password = await type(words.newPassword, PASSWORD);
  expect(password.autocomplete).toBe("new-password");
  press(words.reset.submit);
  expect(await screen.findByText(words.reset.doneTitle)).toBeTruthy();
  expect(asked).toMatchObject([
    { path: "/password/reset", token: false, body: { token: `fhw_${SECRET}`, password: PASSWORD } },
    { path: "/me", token: true },
  ]);
  expect(session.token()).toBeNull();
});

it("says who invites to what, and makes the account of a new person", async () => {
  replies["/invitations/look"] = { status: 200, body: SEEN };
  replies["/invitations/accept"] = { status: 200, body: GIVEN };
  open(`/join#fhi_${SECRET}`);
  expect(await screen.findByText(words.join.invited("Ada", "Navy", "as a developer"))).toBeTruthy();
  expect(screen.getByDisplayValue("grace@example.org")).toBeTruthy();
  await type(words.name, "Grace");
  await type(words.newPassword, PASSWORD);
  press(words.join.submit);
  await screen.findByText("inside");
  expect(asked.map(({ path }) => path)).toEqual(["/invitations/look", "/invitations/accept"]);
  expect(asked[1]?.body).toEqual({ token: `fhi_${SECRET}`, password: PASSWORD, name: "Grace" });
});

it("asks a person who has an account for its password, and a wrong one ends no session", async () => {
  session.begin("fhb_other");
  replies["/invitations/look"] = { status: 200, body: { ...SEEN, has_account: true } };
  refuse("/invitations/accept", "unauthenticated", 401);
  open(`/join#fhi_${SECRET}`);
  await type(words.password, "wrong");
  expect(screen.queryByLabelText(/^Name/)).toBeNull();
  press(words.join.submit);
  expect(await screen.findByText(/It is unauthenticated/)).toBeTruthy();
  expect(asked.find(({ path }) => path === "/invitations/accept")?.token).toBe(false);
  expect(session.token()).toBe("fhb_other");
});

it("says why an invitation cannot be seen, and looks again", async () => {
  refuse("/invitations/look", "unauthenticated", 401);
  open(`/join#fhi_${SECRET}`);
  expect(await screen.findByText(/It is unauthenticated/)).toBeTruthy();
  replies["/invitations/look"] = { status: 200, body: SEEN };
  press(words.join.retry);
  expect(await screen.findByText(/Ada invites you/)).toBeTruthy();
});

it("says to whoever is signed in as somebody else that they are, and joins as who is invited", async () => {
  session.begin("fhb_ada");
  replies["/account"] = { status: 200, body: { name: "Ada", email: "ada@example.org" } };
  replies["/invitations/look"] = { status: 200, body: SEEN };
  replies["/invitations/accept"] = { status: 200, body: GIVEN };
  open(`/join#fhi_${SECRET}`);
  expect(await screen.findByText(words.join.other("Ada"))).toBeTruthy();
  await type(words.name, "Grace");
  await type(words.newPassword, PASSWORD);
  press(words.join.submit);
  await screen.findByText("inside");
  expect(session.token()).toBe("fhb_new");
});

it("asks nothing of whoever is signed in and invited", async () => {
  session.begin("fhb_grace");
  replies["/account"] = { status: 200, body: { name: "Grace", email: SEEN.email } };
  replies["/invitations/look"] = { status: 200, body: { ...SEEN, has_account: true } };
  replies["/account/invitations/accept"] = { status: 200, body: GIVEN };
  open(`/join#fhi_${SECRET}`);
  expect(await screen.findByText(words.join.asYou("Grace"))).toBeTruthy();
  expect(screen.queryByLabelText(/^Password/)).toBeNull();
  press(words.join.asYouSubmit);
  await screen.findByText("inside");
  expect(asked.at(-1)).toMatchObject({ path: "/account/invitations/accept", token: true });
});

const CORP = { name: "corp", title: "Example Corp" };
const BEGUN = {
  url: "https://id.example.org/auth?state=s",
  secret: `fho_${SECRET}`,
  expires_at: "",
};

function withCorp() {
  const ways = { registration: "open", organizations: true, mail: true, providers: [CORP] };
  replies["/sign-in/ways"] = { status: 200, body: ways };
  replies["/sign-in/oidc/corp"] = { status: 200, body: BEGUN };
  replies["/sign-in/oidc/corp/redeem"] = { status: 200, body: GIVEN };
}

it("goes to a provider, keeps the secret in this tab, and comes back to where one wanted to be", async () => {
  withCorp();
  open("/sign-in?back=%2Finbox");
  fireEvent.click(await screen.findByRole("button", { name: words.providers.signIn(CORP.title) }));
  await waitFor(() => expect(sessionStorage.getItem("freehold.way")).toContain(BEGUN.secret));
  expect(asked).toMatchObject([{ path: "/sign-in/oidc/corp", token: false }]);
  expect(JSON.stringify(localStorage)).not.toContain("fho_");
  cleanup();
  open("/sign-in/with/corp?code=c&state=s&iss=https%3A%2F%2Fid.example.org");
  await screen.findByText("inside");
  const body = { code: "c", state: "s", iss: "https://id.example.org", secret: BEGUN.secret };
  expect(asked[1]).toMatchObject({ path: "/sign-in/oidc/corp/redeem", body, token: false });
  expect(asked[1]?.address).not.toContain("code=");
  expect(window.location.pathname).toBe("/inbox");
  expect(session.token()).toBe("fhb_new");
  expect(sessionStorage.getItem("freehold.way")).toBeNull();
});

it("accepts an invitation at a provider", async () => {
  withCorp();
  replies["/invitations/look"] = { status: 200, body: SEEN };
  open(`/join#fhi_${SECRET}`);
  fireEvent.click(await screen.findByRole("button", { name: words.providers.join(CORP.title) }));
  await waitFor(() => expect(asked.at(-1)?.body).toEqual({ invitation: `fhi_${SECRET}` }));
});

it("says what is wrong with what a provider sent", async () => {
  const kept = { provider: "corp", secret: BEGUN.secret, purpose: "sign-in" };
  const keep = () => sessionStorage.setItem("freehold.way", JSON.stringify(kept));
  for (const [search, text] of [
    ["?code=c&state=s", words.providers.lost],
    ["", words.providers.lost],
    ["?error=access_denied&state=s", words.providers.saidNo],
    ["?error=invalid_scope", words.providers.provider("invalid_scope")],
    ["?error=%3Cb%3E", words.providers.provider(words.providers.unnamed)],
  ] as const) {
    if (search !== "?code=c&state=s") keep();
    open(`/sign-in/with/corp${search}`);
    expect(await screen.findByText(text)).toBeTruthy();
    expect(window.location.search).toBe("");
    cleanup();
  }
  expect(asked).toEqual([]);
  keep();
  refuse("/sign-in/oidc/corp/redeem", "identity_unknown", 403);
  open("/sign-in/with/corp?code=c&state=s");
  expect(await screen.findByText(/It is identity_unknown/)).toBeTruthy();
  expect(session.token()).toBeNull();
});

it("links who one is at a provider to the account that one is signed in to", async () => {
  session.begin("fhb_grace");
  const kept = { provider: "corp", secret: BEGUN.secret, purpose: "link" };
  sessionStorage.setItem("freehold.way", JSON.stringify(kept));
  replies["/account/identities"] = { status: 201, body: { id: "1" } };
  open("/sign-in/with/corp?code=c&state=s");
  await screen.findByText("inside");
  expect(asked).toMatchObject([{ path: "/account/identities", token: true }]);
  expect(asked[0]?.body).toMatchObject({ provider: "corp", secret: BEGUN.secret });
  expect(window.location.pathname).toBe("/settings");
  expect(session.token()).toBe("fhb_grace");
});
