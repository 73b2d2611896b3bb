/** What a person does in Studio, in a person's words. Words and roles of the pages that many tests need are here only. */
import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";

export const THEMES = ["light", "dark"] as const;
export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

/** Waits until the page has shown what it has: its heading is there and nothing says that it is loading. */
export async function settled(page: Page): Promise<void> {
  await expect(page.getByRole("heading", { level: 1 }).first()).toBeVisible();
  await expect(page.locator('main [aria-busy="true"]')).toHaveCount(0);
  await page.evaluate(() => document.fonts.ready.then(() => undefined));
}

/** Goes to an address and waits until it is shown. */
export async function visit(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await settled(page);
}

/** axe finds nothing. Legacy mode: the modern one opens a page of its own, and there are no frames here. */
export async function accessible(page: Page, what: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).analyze();
  const told = violations.map(
    ({ id, help, nodes }) =>
      `${id}: ${help}\n${nodes
        .slice(0, 5)
        .map(
          (node) =>
            `    ${node.html.slice(0, 300)}\n      ${node.failureSummary?.replaceAll("\n", " ")}`,
        )
        .join("\n")}`,
  );
  expect.soft(told.join("\n"), `axe on ${what}`).toBe("");
}

/** The page never scrolls sideways as a whole; a table or a diff may, inside its own box. */
export async function fits(page: Page, what: string): Promise<void> {
  const { wide, room } = await page.evaluate(() => ({
    wide: document.documentElement.scrollWidth,
    room: document.documentElement.clientWidth,
  }));
  expect.soft(wide, `${what} is wider than the window`).toBeLessThanOrEqual(room);
}

/** How many elements the page has. */
export const size = (page: Page): Promise<number> =>
  page.evaluate(() => document.getElementsByTagName("*").length);
