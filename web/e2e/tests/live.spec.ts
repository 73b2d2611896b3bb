/** The connection: a server that dies, a network that goes, a session that ends, a page that is old, many tabs. */
import type { Request } from "@playwright/test";

import { count } from "../harness/agents";
import { card, connection, outputLines, settled, showOutput, visit } from "../harness/studio";
import { expect, test } from "../harness/test";
import { pause, until } from "../harness/wait";

const LINES = 240;
/** Chromium allows six connections to a host over HTTP/1.1: this is one more. */
const TABS = 7;
const SLOW_MS = 1_500;
/** What web.dev calls good is 0.1; https://web.dev/articles/cls */
const JUMPS_MAX = 0.1;

test("a run is followed over a server that is killed: no line is lost or shown twice", async ({
  here,
  api,
  project,
  page,
}) => {
  const gate = here.name("gate");
  const agent = here.name("counts");
  const half = LINES / 2;
  const halves = [count(1, half), `barrier ${gate}`, count(half + 1, LINES), `barrier ${gate}-end`];
  await api.agent(agent, halves.join("\n"));
  const { id } = await api.start((await api.card(project.name, "Count")).id, agent);
  await api.runIn(id, "running");
  await visit(page, `/runs/${id}`);
  const output = await showOutput(page);
  await expect(output.getByText(`line ${half}.`)).toBeVisible({ timeout: 30_000 });
  const comeBack = await here.killServer();
  here.open(gate); // the agent goes on while nobody listens
  await expect(connection(page)).toContainText("The server cannot be reached");
  comeBack();
  await expect(connection(page)).toBeHidden({ timeout: 30_000 });
  await expect(output.getByText(`line ${LINES}.`)).toBeVisible({ timeout: 30_000 });
  here.open(`${gate}-end`);
  await api.runIn(id, "succeeded");

  const wanted = Array.from({ length: LINES }, (_, n) => n + 1);
  await expect.poll(() => outputLines(output), { timeout: 30_000 }).toEqual(wanted);
  const events = await api.events(id);
  expect(events.map((event) => event.seq)).toEqual(events.map((_, n) => n + 1));
});

test("a browser that is offline says so, and catches up by itself", async ({
  api,
  project,
  page,
  context,
}) => {
  await visit(page, `/projects/${project.id}`);
  await context.setOffline(true);
  await expect(connection(page)).toBeVisible();
  await api.card(project.name, "Made while nobody looked");
  await context.setOffline(false);
  await expect(card(page, "Made while nobody looked")).toBeVisible({ timeout: 30_000 });
  await expect(connection(page)).toBeHidden();
});

test("a slow server: what comes is waited for in its place, and nothing jumps", async ({
  api,
  project,
  page,
}) => {
  await api.card(project.name, "Worth the wait");
  await page.route("**/api/v1/**", async (route) => {
    if (!route.request().url().endsWith("/changes")) await pause(SLOW_MS);
    await route.continue().catch(() => undefined);
  });
  await page.addInitScript(() => {
    const seen = window as unknown as { jumped: number };
    seen.jumped = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        seen.jumped += (entry as unknown as { value: number }).value;
      }
    }).observe({ type: "layout-shift", buffered: true });
  });
  await page.goto(`/projects/${project.id}`);
  await expect(page.locator('[aria-busy="true"]').first()).toBeVisible();
  await expect(card(page, "Worth the wait")).toBeVisible();
  await settled(page);
  const jumped = await page.evaluate(() => (window as unknown as { jumped: number }).jumped);
  expect(jumped, "cumulative layout shift").toBeLessThan(JUMPS_MAX);
});

test("a token that is revoked while the page is open leads to the sign-in page, and back", async ({
  here,
  api,
  project,
  visitor,
}) => {
  const { token } = await api.post<{ token: string }>("/sign-in", { token: api.token });
  const { page } = await visitor(token);
  const path = `/projects/${project.id}`;
  await visit(page, path);
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  const answer = await fetch(`${here.url}/api/v1/sign-out`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
  });
  expect(answer.status).toBe(204);
  await expect(page.getByText("You were signed out")).toBeVisible();
  await page.getByLabel("Sign-in link or token").fill(here.token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page).toHaveURL(new RegExp(`${path}$`));
  await settled(page);
});

test("a page of another version than the server says so, and reloads when told", async ({
  project,
  page,
}) => {
  let other = true;
  await page.route("**/api/v1/changes", (route) =>
    other
      ? route.fulfill({
          contentType: "text/event-stream",
          body: `event: hello\ndata: {"version":"99.0.0","now":"${new Date().toISOString()}"}\n\n: \n\n`,
        })
      : route.continue(),
  );
  await visit(page, `/projects/${project.id}`);
  await expect(page.getByText("Freehold was updated")).toBeVisible();
  const notice = page.getByRole("button", { name: "Reload", exact: true });
  await expect(notice).toBeVisible();
  // The server's own word would take the notice away before it is clicked.
  await notice.click();
  other = false;
  await settled(page);
  await expect(notice).toBeHidden();
});

test("seven tabs share one stream, and another takes over when its tab goes", async ({
  api,
  project,
  context,
  page: first,
}) => {
  const asked = new Set<Request>();
  context.on("request", (request) => {
    if (request.url().endsWith("/api/v1/changes")) asked.add(request);
  });
  const over = (request: Request) => asked.delete(request);
  context.on("requestfinished", over);
  context.on("requestfailed", over);
  // What a closed tab had asked for ends with it, and nobody says so.
  const open = () => [...asked].filter((request) => !request.frame().page().isClosed()).length;
  const tabs = [first];
  while (tabs.length < TABS) tabs.push(await context.newPage());
  for (const tab of tabs) await visit(tab, `/projects/${project.id}`);
  expect(open(), "open streams").toBe(1);
  await api.card(project.name, "For all tabs");
  for (const tab of tabs) await expect(card(tab, "For all tabs")).toBeVisible();

  await tabs[0]?.close();
  await until("another tab takes over", () => (open() === 1 ? true : null));
  await api.card(project.name, "After the first has gone");
  for (const tab of tabs.slice(1)) {
    await expect(card(tab, "After the first has gone")).toBeVisible();
  }
  expect(open(), "open streams").toBe(1);
});
