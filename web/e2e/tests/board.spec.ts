/** The board: moving cards by hand, with others who do the same, and odd words on cards. */

import type { Card } from "../harness/api";
import { card, lane, newCard, settled, visit } from "../harness/studio";
import { expect, test } from "../harness/test";

const ODD_TITLES = [
  "שלום עולם: להוסיף בדיקה",
  "مرحبا بالعالم (RTL) 123",
  "👩‍👩‍👧‍👦 ship it 🚀 é ñ 你好",
  "<script>alert('title')</script><img src=x onerror=alert(2)>",
  "\u202eesrever si siht\u202c but this is not",
  `a${"b".repeat(200)}c`,
];

test("a card is dragged into another lane, and stays there", async ({ api, project, page }) => {
  const made = await api.card(project.name, "Drag me");
  await api.card(project.name, "Leave me");
  await visit(page, `/projects/${project.id}`);
  await drag(page, "Drag me", "Planning");
  await expect(lane(page, "Planning").getByText("Drag me")).toBeVisible();
  await expect.poll(async () => (await api.get<Card>(`/cards/${made.id}`)).lane).toBe("Planning");
  await page.reload();
  await expect(lane(page, "Planning").getByText("Drag me")).toBeVisible();
  await expect(lane(page, "Backlog").getByText("Leave me")).toBeVisible();
});

test("a move in one browser shows in the other", async ({ api, project, page, visitor }) => {
  await api.card(project.name, "Shared");
  const other = (await visitor(api.token)).page;
  await visit(page, `/projects/${project.id}`);
  await visit(other, `/projects/${project.id}`);
  await drag(page, "Shared", "Build");
  await expect(lane(other, "Build").getByText("Shared")).toBeVisible();
});

test("a move that came too late rolls back in words", async ({ api, project, page }) => {
  const made = await api.card(project.name, "Contended");
  await visit(page, `/projects/${project.id}`);
  let first = true;
  await page.route("**/api/v1/cards/*/move", async (route) => {
    // Somebody else is quicker.
    if (first) await api.post(`/cards/${made.id}/move`, { lane: "Done" });
    first = false;
    await route.continue();
  });
  await drag(page, "Contended", "Planning");
  await expect(page.getByText("“Contended” could not be moved to Planning")).toBeVisible();
  await expect(page.getByText("Someone moved it to Done meanwhile.")).toBeVisible();
  await expect(lane(page, "Done").getByText("Contended")).toBeVisible();
  await expect(lane(page, "Planning").getByText("Contended")).toBeHidden();
});

test("odd words are shown as they are, and nothing runs", async ({ api, project, page }) => {
  for (const title of ODD_TITLES) await api.card(project.name, title, { body: title });
  await visit(page, `/projects/${project.id}`);
  for (const title of ODD_TITLES) {
    const shown = card(page, title);
    await expect(shown).toBeVisible();
    await shown.click();
    await expect(page.getByRole("dialog")).toContainText(title);
    await page.keyboard.press("Escape");
    await expect(page.getByRole("dialog")).toBeHidden();
  }
});

test("a title of ten thousand characters is refused in words, and is not lost", async ({
  api,
  project,
  page,
}) => {
  await visit(page, `/projects/${project.id}`);
  const dialog = await newCard(page);
  const title = dialog.getByRole("textbox").first();
  const long = "long ".repeat(2000).trim();
  await title.fill(long);
  await page.keyboard.press("ControlOrMeta+Enter");
  await expect(dialog.getByText(/500/)).toBeVisible();
  await expect(title).toHaveValue(long);
  const { items } = await api.get<{ items: Card[] }>(`/cards?project=${project.id}`);
  expect(items).toEqual([]);
  await title.fill("short");
  await page.keyboard.press("ControlOrMeta+Enter");
  await settled(page);
  await expect(card(page, "short")).toBeVisible();
});

async function drag(page: import("@playwright/test").Page, title: string, to: string) {
  const from = await card(page, title).boundingBox();
  const into = await lane(page, to).boundingBox();
  if (!from || !into) throw new Error("not on the board");
  await page.mouse.move(from.x + from.width / 2, from.y + 12);
  await page.mouse.down();
  // A pointer is lifted after a few pixels, and a lane is chosen on the way.
  await page.mouse.move(from.x + from.width / 2 + 20, from.y + 20, { steps: 4 });
  await page.mouse.move(into.x + into.width / 2, into.y + Math.min(into.height / 2, 120), {
    steps: 12,
  });
  await page.mouse.up();
}
