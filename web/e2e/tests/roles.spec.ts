/** What the board offers to whom: the server decides, the page does not offer what it would refuse. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { House } from "../harness/house";
import { joined } from "../harness/people";
import { Remote } from "../harness/remote";
import { accessible, visit } from "../harness/studio";
import { expect, SMALL, test } from "../harness/test";

let house: House;
const scratch = mkdtempSync(join(tmpdir(), "fh-e2e-roles-"));

test.beforeAll(async () => {
  house = await House.open();
});
test.afterAll(async () => {
  await house?.end();
  rmSync(scratch, { recursive: true, force: true });
});

test("a viewer sees the board and is offered nothing that changes it", async ({ visitor }) => {
  test.setTimeout(120_000);
  const api = house.owner;
  const owner = { name: "owner", address: "", api, token: api.token };
  const project = await api.project("seen", Remote.create(scratch, SMALL).url);
  const { id } = await api.card(project.id, "Only look at me");
  const viewer = await joined(house, owner, "Vic", "viewer");
  const developer = await joined(house, owner, "Dev", "developer");
  const { page } = await visitor(viewer.token, {}, house.url);
  await visit(page, `/projects/${project.id}`);
  const link = page.getByRole("link", { name: /Only look at me/ });
  const newCard = { name: "New card", exact: true } as const;

  await test.step("by pointer and by key", async () => {
    await expect(link).toBeVisible();
    await expect(page.getByRole("button", newCard)).toHaveCount(0);
    await expect(page.getByRole("button", { name: /^Add/ })).toHaveCount(0);
    await page.keyboard.press("c");
    await link.focus();
    for (const key of ["Space", "ArrowRight", "Space", "x", "#"]) await page.keyboard.press(key);
    await expect(page.getByRole("dialog")).toHaveCount(0);
    const from = await link.boundingBox();
    if (from === null) throw new Error("the card is not drawn");
    await page.mouse.move(from.x + 5, from.y + 5);
    await page.mouse.down();
    await page.mouse.move(from.x + 400, from.y + 20, { steps: 8 });
    await page.mouse.up();
    expect((await api.get<{ lane: string }>(`/cards/${id}`)).lane).toBe("Backlog");
    await accessible(page, "the board of a viewer");
  });

  await test.step("in the card as well", async () => {
    await visit(page, `/projects/${project.id}?card=${id}`);
    const drawer = page.getByRole("dialog");
    await expect(drawer.getByRole("heading", { name: "Only look at me" }).last()).toBeVisible();
    await expect(drawer.getByRole("button", { name: "Edit", exact: true })).toHaveCount(0);
    await expect(drawer.getByRole("button", { name: "Start run" })).toHaveCount(0);
    await expect(drawer.getByLabel("Lane")).toBeDisabled();
    await accessible(page, "a card of a viewer");
    await visit(page, `/projects/${project.id}?card=new`);
    await expect(page.getByRole("dialog")).toHaveCount(0);
  });

  await test.step("a developer is offered all of it", async () => {
    const theirs = (await visitor(developer.token, {}, house.url)).page;
    await visit(theirs, `/projects/${project.id}?card=${id}`);
    const drawer = theirs.getByRole("dialog");
    await expect(drawer.getByRole("button", { name: "Edit", exact: true })).toBeVisible();
    await expect(drawer.getByLabel("Lane")).toBeEnabled();
    await theirs.keyboard.press("Escape");
    await expect(theirs.getByRole("button", newCard)).toBeVisible();
  });
});
