/** From a wish to a landed commit without a mouse. */
import { press, reach, settled, visit } from "../harness/studio";
import { expect, test } from "../harness/test";

test("a card is written, run, reviewed and approved by keyboard alone", async ({
  here,
  api,
  project,
  page,
}) => {
  const agent = here.name("edits");
  await api.agent(agent, "echo hello > greeting");
  await visit(page, `/projects/${project.id}`);

  await page.keyboard.press("c");
  const dialog = page.getByRole("dialog", { name: "New card" });
  await expect(dialog.getByLabel("Title")).toBeFocused();
  await page.keyboard.type("Say hello");
  await press(page, dialog.getByRole("button", { name: "Add card" }));
  await expect(dialog).toBeHidden();

  const link = page.getByRole("link", { name: /Say hello/ });
  await reach(page, link);
  await page.keyboard.press("Enter");
  const drawer = page.getByRole("dialog");
  await expect(drawer).toContainText("Say hello");
  await press(page, drawer.getByRole("button", { name: "Start run" }));
  const review = drawer.getByRole("link", { name: "Review" }).first();
  await expect(review).toBeVisible({ timeout: 30_000 });
  await press(page, review);

  await expect(page).toHaveURL(/\/review$/);
  await settled(page);
  await press(page, page.getByRole("button", { name: "Approve", exact: true }));
  await expect.poll(() => project.remote.show("greeting"), { timeout: 30_000 }).toBe("hello");
  await expect(page.getByText("Landed on main as")).toBeVisible();
});

test("the focus is never lost: dialogs give it back, and it can be seen", async ({
  api,
  project,
  page,
}) => {
  await api.card(project.name, "Look at me");
  await visit(page, `/projects/${project.id}`);
  const link = page.getByRole("link", { name: /Look at me/ });
  await reach(page, link);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();
  await expect(link).toBeFocused();
  const ring = await link.evaluate((element) => {
    const shown = (of: Element | null): string =>
      of ? `${getComputedStyle(of).outlineStyle} ${getComputedStyle(of).boxShadow}` : "";
    return [element, element.closest("li, article, [data-card]")].map(shown).join(" ");
  });
  expect(ring, "something marks what has the focus").not.toMatch(/^(none none ?)+$/);

  await page.keyboard.press("?");
  await expect(page.getByRole("dialog")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(link).toBeFocused();

  await page.keyboard.press("ControlOrMeta+k");
  const palette = page.getByRole("dialog");
  await expect(palette).toBeVisible();
  await page.keyboard.type("runners");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/runners$/);
  await settled(page);
});

test("a card is carried to another lane by keyboard", async ({ api, project, page }) => {
  const { id } = await api.card(project.name, "Carry me");
  await visit(page, `/projects/${project.id}`);
  await reach(page, page.getByRole("link", { name: /Carry me/ }));
  await page.keyboard.press("Space");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Space");
  await expect
    .poll(async () => (await api.get<{ lane: string }>(`/cards/${id}`)).lane)
    .toBe("Planning");
  await expect(page.getByRole("link", { name: /Carry me/ })).toBeFocused();
});
