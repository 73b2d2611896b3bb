/**
 * The `test` of this suite. Each worker has an installation of its own (`here`), each test a project of its own,
 * and a `page` that is signed in. Every browser context is guarded (see guard.ts), `visitor` gives more of them.
 */
import {
  type BrowserContext,
  type BrowserContextOptions,
  test as base,
  expect,
  type Page,
} from "@playwright/test";

import type { Api } from "./api";
import { Guard } from "./guard";
import { Installation } from "./installation";
import type { Files, Remote } from "./remote";
import { signedIn } from "./session";
import { type World, world } from "./world";

export interface Project {
  id: string;
  name: string;
  remote: Remote;
}

export interface Visitor {
  context: BrowserContext;
  page: Page;
  guard: Guard;
}

interface TestFixtures {
  api: Api;
  guard: Guard;
  /** A project with one small file. */
  project: Project;
  /** More projects. */
  makeProject: (files: Files) => Promise<Project>;
  /** Another browser: `token` is null for one that has not signed in. */
  visitor: (
    token: string | null,
    options?: BrowserContextOptions,
    origin?: string,
    elsewhere?: string,
  ) => Promise<Visitor>;
}

export const SMALL: Files = { greeting: "good evening\n" };

interface WorkerFixtures {
  here: Installation;
  /** Every kind of card and run; made when the first test of a worker asks for it. */
  shop: World;
}

export const test = base.extend<TestFixtures, WorkerFixtures>({
  here: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the names of the fixtures from the pattern.
    async ({}, use, info) => {
      const here = await Installation.start();
      try {
        await use(here);
      } finally {
        if (info.workerIndex >= 0 && process.env.E2E_LOGS) process.stderr.write(here.told());
        await here.end();
      }
    },
    { scope: "worker", timeout: 120_000 },
  ],
  shop: [async ({ here }, use) => use(await world(here)), { scope: "worker", timeout: 120_000 }],
  baseURL: async ({ here }, use) => use(here.url),
  storageState: async ({ here }, use) => use(signedIn(here.url, here.token)),
  api: async ({ here }, use) => use(here.api),
  guard: async ({ context, here }, use) => {
    const guard = await Guard.watch(context, here.url);
    await use(guard);
    guard.check();
  },
  page: async ({ guard: _, page }, use) => use(page),
  makeProject: async ({ here, api }, use) => {
    await use(async (files) => {
      const remote = here.remote(files);
      const name = here.name("project");
      return { ...(await api.project(name, remote.url)), name, remote };
    });
  },
  project: async ({ makeProject }, use) => use(await makeProject(SMALL)),
  visitor: async ({ browser, here }, use) => {
    const opened: Visitor[] = [];
    await use(async (token, options = {}, origin = here.url, elsewhere) => {
      const storageState = token === null ? undefined : signedIn(origin, token);
      const context = await browser.newContext({ baseURL: origin, storageState, ...options });
      const guard = await Guard.watch(context, origin, elsewhere);
      const visitor = { context, guard, page: await context.newPage() };
      opened.push(visitor);
      return visitor;
    });
    for (const { context, guard } of opened) {
      await context.close();
      guard.check();
    }
  },
});

test.afterEach(async ({ here }, info) => {
  if (info.status === info.expectedStatus) return;
  await info.attach("logs", { body: here.told(), contentType: "text/plain" });
});

export { expect };
