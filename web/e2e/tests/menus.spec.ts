/** Open menus, as somebody meets them who does not see the page. */
import { accessible, press, visit } from "../harness/studio";
import { expect, test } from "../harness/test";

test("axe finds nothing in an open menu, wherever it opens", async ({ api, project, page }) => {
  await api.card(project.name, "Look at my menu");
  await visit(page, `/projects/${project.id}`);
  const menu = page.getByRole("menu");
  for (const [name, what] of [
    [/^Theme/, "the themes"],
    [/^Organization/, "the organizations"],
  ] as const) {
    await press(page, page.getByRole("button", { name }).first());
    await expect(menu).toBeVisible();
    await accessible(page, what);
    await page.keyboard.press("Escape");
    await expect(menu).toHaveCount(0);
  }
  await page.getByRole("link", { name: /Look at my menu/ }).focus();
  await page.keyboard.press("m");
  await expect(menu).toBeVisible();
  await accessible(page, "a card's menu");
  await page.keyboard.press("Escape");
  // In a drawer, which hides everything else, the menu is not hidden with it.
  await page.getByRole("link", { name: /Look at my menu/ }).press("Enter");
  const more = page.getByRole("dialog").getByRole("button", { name: "More", exact: true });
  await press(page, more);
  await expect(page.getByRole("menuitem", { name: /Copy/ }).first()).toBeVisible();
  await accessible(page, "a menu in a drawer");
});
