import { mkdirSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import type { Page } from "@playwright/test";

import { Installation } from "../harness/installation";
import { DESKTOP, PHONE, settled, THEMES } from "../harness/studio";
import { test } from "../harness/test";
import { views, world } from "../harness/world";
import { type Shot, sheet } from "./sheet";

const INTO = resolve(import.meta.dirname, "../../test-results/shots");
/** A picture of what is there is better than none: a view that does not settle is shown as it is. */
const PATIENCE_MS = 5_000;

const WIDTHS = [
  ["1280", DESKTOP],
  ["390", PHONE],
] as const;

async function shoot(
  page: Page,
  origin: string,
  view: { name: string; path: string },
): Promise<Shot[]> {
  const shots: Shot[] = [];
  for (const theme of THEMES) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
    for (const [width, viewport] of WIDTHS) {
      await page.setViewportSize(viewport);
      await page.goto(origin + view.path);
      const slow = new Promise<void>((done) => setTimeout(done, PATIENCE_MS));
      await Promise.race([settled(page).catch(() => undefined), slow]);
      const file = `${view.name}-${theme}-${width}.png`;
      await page.screenshot({ path: resolve(INTO, file), animations: "disabled" });
      shots.push({ view: view.name, path: view.path, variant: `${theme} ${width}`, file });
    }
  }
  return shots;
}

test("every view", async ({ here, page, visitor }) => {
  rmSync(INTO, { recursive: true, force: true });
  mkdirSync(INTO, { recursive: true });
  const shots: Shot[] = [];
  const stranger = await visitor(null);
  shots.push(...(await shoot(stranger.page, here.url, { name: "sign-in", path: "/sign-in" })));
  const empty = await Installation.start();
  try {
    const newcomer = await visitor(empty.token, {}, empty.url);
    for (const [name, path] of [
      ["first-run", "/"],
      ["empty-inbox", "/inbox"],
      ["empty-agents", "/settings/agents"],
      ["empty-runs", "/runs"],
    ] as const) {
      shots.push(...(await shoot(newcomer.page, empty.url, { name, path })));
    }
  } finally {
    await empty.end();
  }
  for (const view of views(await world(here))) shots.push(...(await shoot(page, here.url, view)));
  console.log(`${shots.length} pictures: ${sheet(INTO, shots)}`);
});
