/** What a person does in Studio, in a person's words. Words and roles of the pages that many tests need are here only. */
import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Locator, type Page } from "@playwright/test";

export const THEMES = ["light", "dark"] as const;
export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

/** Waits until the page has shown what it has: its heading is there and nothing says that it is loading. */
export async function settled(page: Page): Promise<void> {
  // An open drawer hides the heading of the page below it from everyone but the eye.
  const heading = page.getByRole("heading", { level: 1 }).or(page.getByRole("dialog"));
  await expect(heading.first()).toBeVisible();
  await expect(page.locator('[aria-busy="true"]')).toHaveCount(0);
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

/** The box that a run's events scroll in. */
export async function activity(page: Page): Promise<Locator> {
  const list = page.getByRole("region", { name: "Activity of the run" });
  await expect(list).toBeVisible();
  return list;
}

/** What the page says about its connection while that is not well. */
export const connection = (page: Page): Locator => page.getByRole("status", { name: "Connection" });

/** A lane of the board; its name goes on with how many cards it has. */
export const lane = (page: Page, name: string): Locator =>
  page.getByRole("region", { name: new RegExp(`^${name}\\b`) });

/** A card on the board, by its whole title. */
export const card = (page: Page, title: string): Locator =>
  page.getByRole("main").getByText(title, { exact: true });

export async function newCard(page: Page): Promise<Locator> {
  await page.getByRole("button", { name: "New card", exact: true }).first().click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toBeVisible();
  return dialog;
}

/** Shows what the agent printed; gives the box that it scrolls in. */
export async function showOutput(page: Page): Promise<Locator> {
  await page.getByRole("tab", { name: "Output" }).click();
  return page.getByRole("region", { name: "Output" });
}

/**
 * The lines "line N." of the output from the first to the last, also those that are scrolled away. Throws where one
 * stands twice, or not where it belongs.
 */
export async function outputLines(output: Locator): Promise<number[]> {
  return output.evaluate(async (list) => {
    const seen = new Set<number>();
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    for (let top = 0; ; top += Math.max(40, list.clientHeight / 2)) {
      list.scrollTop = top;
      await frame();
      await frame();
      const window = [...(list.textContent ?? "").matchAll(/line (\d+)\./g)].map((found) =>
        Number(found[1]),
      );
      for (const [at, line] of window.entries()) {
        if (at > 0 && line !== (window[at - 1] ?? 0) + 1)
          throw new Error(`out of order: ${window}`);
        seen.add(line);
      }
      if (top >= list.scrollHeight) return [...seen].sort((a, b) => a - b);
    }
  });
}

/** More presses of Tab than any view has stops. */
const TABS_MAX = 120;

/** Goes to an element with the Tab key alone. */
export async function reach(page: Page, target: Locator): Promise<void> {
  await expect(target).toBeVisible();
  for (let n = 0; n < TABS_MAX; n += 1) {
    if (await target.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`the Tab key does not lead to ${target}`);
}

/** Goes to a button or a link with the Tab key, and presses it with Enter. */
export async function press(page: Page, target: Locator): Promise<void> {
  await reach(page, target);
  await page.keyboard.press("Enter");
}

/** Opens what can be done with a row, by keyboard, and chooses. */
export async function choose(page: Page, button: string, item: string): Promise<void> {
  await press(page, page.getByRole("button", { name: button }));
  await expect(page.getByRole("menu")).toBeVisible();
  const wanted = page.getByRole("menuitem", { name: item });
  for (let n = 0; n < 10; n += 1) {
    if (await wanted.evaluate((element) => element === document.activeElement)) break;
    await page.keyboard.press("ArrowDown");
  }
  await page.keyboard.press("Enter");
}
