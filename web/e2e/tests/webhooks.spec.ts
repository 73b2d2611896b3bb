/** Webhooks, as an admin sets them up and looks after them, with a receiver that really listens. */
import { createHmac } from "node:crypto";
import type { Locator, Page } from "@playwright/test";

import { House } from "../harness/house";
import { founder, joined } from "../harness/people";
import { type Hook, Receiver } from "../harness/receiver";
import { accessible, choose, fits, PHONE, press, reach, visit } from "../harness/studio";
import { expect, test } from "../harness/test";

let house: House;
let receiver: Receiver;

test.beforeAll(async () => {
  house = await House.open(["--webhooks-to-loopback"]);
  receiver = await Receiver.start();
});
test.afterAll(async () => {
  receiver?.end();
  await house?.end();
});

const dialog = (page: Page): Locator => page.getByRole("dialog");
const alert = (page: Page): Locator => page.getByRole("alertdialog");
const row = (page: Page, words: string): Locator =>
  page.getByRole("row").filter({ hasText: words });

/** Whether one of the signatures is by this secret. */
function isBy(secret: string, { id, timestamp, body, signature }: Hook): boolean {
  const key = Buffer.from(secret.replace("whsec_", ""), "base64");
  const ours = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  return signature.split(" ").includes(`v1,${ours}`);
}

/** What came of the thing with that sequence. */
const arrived = (sequence: number): Hook[] =>
  receiver.hooks.filter(({ body }) => JSON.parse(body).sequence === sequence);

async function secretShown(page: Page): Promise<string> {
  const group = dialog(page).getByRole("group", { name: "The secret" });
  const secret = ((await group.textContent()) ?? "").trim();
  expect(secret).toMatch(/^whsec_/);
  return secret;
}

test("a webhook is added, tried, mended, paused and removed, by keyboard", async ({ visitor }) => {
  test.setTimeout(180_000);
  const owner = await founder(house, "Wanda", "Hooks");
  const { page } = await visitor(owner.token, {}, house.url);
  const actions = `Actions for ${receiver.url.replace("http://", "")}`;
  let secret = "";

  await test.step("the empty page teaches, and a wrong address is refused at its field", async () => {
    await visit(page, "/settings/webhooks");
    await expect(page.getByRole("heading", { name: "Nobody is told yet" })).toBeVisible();
    await accessible(page, "no webhook");
    await press(page, page.getByRole("button", { name: "Add a webhook" }));
    const address = dialog(page).getByLabel("Address");
    await expect(address).toBeFocused();
    await accessible(page, "adding a webhook");
    await page.keyboard.type("example.org/hook");
    await page.keyboard.press("Enter");
    await expect(
      dialog(page)
        .getByText(/must begin with https/)
        .first(),
    ).toBeVisible();
    await expect(address).toBeFocused();
    // The server's own refusal, of what the page does not look at.
    await address.fill("https://10.0.0.1/hook");
    await page.keyboard.press("Enter");
    await expect(address).toHaveAttribute("aria-invalid", "true");
    await expect(dialog(page).getByRole("alert")).toContainText("public network");
    await address.fill(receiver.url);
    await press(page, dialog(page).getByRole("button", { name: "None" }));
    await page.keyboard.press("Shift+Tab");
    await reach(page, dialog(page).getByRole("button", { name: "Add the webhook" }));
    await page.keyboard.press("Enter");
    await expect(dialog(page).getByText("Choose at least one.").first()).toBeVisible();
    await dialog(page).getByRole("checkbox", { name: "card.created" }).press("Space");
    await press(page, dialog(page).getByRole("button", { name: "Add the webhook" }));
  });

  await test.step("its secret is shown once, and not lost by a slip", async () => {
    await expect(dialog(page)).toContainText("The webhook is added");
    secret = await secretShown(page);
    await accessible(page, "a secret");
    await page.keyboard.press("Escape");
    await press(page, alert(page).getByRole("button", { name: "Back to the secret" }));
    await press(page, dialog(page).getByRole("button", { name: "I have copied it" }));
    await expect(dialog(page)).toHaveCount(0);
    expect(await page.content()).not.toContain(secret);
    await expect(row(page, receiver.url.replace("http://", ""))).toContainText("Active");
    await accessible(page, "a webhook");
  });

  await test.step("a test arrives, signed with the secret that was shown", async () => {
    await press(page, page.getByRole("link", { name: receiver.url.replace("http://", "") }));
    await expect(page.getByRole("heading", { name: "It was told nothing yet" })).toBeVisible();
    await press(page, page.getByRole("button", { name: "Send a test" }));
    await expect(page.getByText("A test is on its way")).toBeVisible();
    await expect(row(page, "webhook.test")).toContainText("Delivered");
    expect(arrived(1)).toHaveLength(1);
    expect(isBy(secret, arrived(1)[0] as Hook)).toBe(true);
  });

  await test.step("what was refused says so, with the answer and the next try", async () => {
    receiver.says(503, "the till is closed");
    await page.getByRole("button", { name: "Send a test" }).click();
    await expect(row(page, "Tried again")).toContainText(/webhook\.test.*\d/);
    await press(page, page.getByRole("button", { name: /^Details of webhook.test, number 2/ }));
    await expect(dialog(page)).toContainText("Status 503");
    await expect(dialog(page)).toContainText("the till is closed");
    await expect(dialog(page)).toContainText("Next try");
    await expect(dialog(page)).toContainText('"type": "webhook.test"');
    await accessible(page, "a delivery");
    // It goes on by itself.
    await expect(dialog(page).getByRole("button", { name: "Send it once more" })).toHaveCount(0);
    receiver.says(204);
    await page.keyboard.press("Escape");
    await expect(dialog(page)).toHaveCount(0);
  });

  await test.step("what was delivered is sent once more, under the same id", async () => {
    await press(page, page.getByRole("button", { name: "Details of webhook.test, number 1" }));
    await expect(dialog(page).getByText("Status 204")).toHaveCount(1);
    await press(page, dialog(page).getByRole("button", { name: "Send it once more" }));
    await expect.poll(() => arrived(1).length).toBe(2);
    expect(arrived(1)[1]?.id).toBe(arrived(1)[0]?.id);
    await expect(dialog(page).getByText("Status 204")).toHaveCount(2);
    await page.keyboard.press("Escape");
  });

  await test.step("paused it is told nothing, and goes on afterwards", async () => {
    await choose(page, actions, "Pause");
    await expect(page.getByText("Paused by a person")).toBeVisible();
    await expect(page.getByRole("button", { name: "Send a test" })).toBeDisabled();
    await choose(page, actions, "Go on");
    await expect(page.getByText("Paused by a person")).toHaveCount(0);
    await page.getByRole("button", { name: "Send a test" }).click();
    await expect.poll(() => arrived(3).length).toBe(1);
  });

  await test.step("a new secret signs beside the one before", async () => {
    await choose(page, actions, "New secret…");
    await expect(alert(page)).toContainText("For 24 hours");
    await press(page, alert(page).getByRole("button", { name: "Make a new secret" }));
    await expect(dialog(page)).toContainText("The secret is new");
    const fresh = await secretShown(page);
    expect(fresh).not.toBe(secret);
    await press(page, dialog(page).getByRole("button", { name: "I have copied it" }));
    await expect(page.getByText(/signed with the secret before as well until/)).toBeVisible();
    await choose(page, actions, "Send a test");
    await expect.poll(() => arrived(4).length).toBe(1);
    const hook = arrived(4)[0] as Hook;
    expect([isBy(secret, hook), isBy(fresh, hook)]).toEqual([true, true]);
  });

  await test.step("another choice of events is kept", async () => {
    await choose(page, actions, "Edit…");
    await expect(dialog(page).getByRole("checkbox", { name: "card.created" })).toBeChecked();
    await dialog(page).getByRole("checkbox", { name: "run.landed" }).press("Space");
    await press(page, dialog(page).getByRole("button", { name: "Save" }));
    await expect(page.getByText("run.landed, card.created")).toBeVisible();
  });

  await test.step("it fits a phone", async () => {
    await page.setViewportSize(PHONE);
    await fits(page, "a webhook's page");
    await visit(page, "/settings/webhooks");
    await fits(page, "the webhooks");
    await accessible(page, "the webhooks on a phone");
  });

  await test.step("removed it is gone", async () => {
    await choose(page, actions, "Remove…");
    await expect(alert(page)).toContainText(receiver.url);
    await accessible(page, "removing a webhook");
    await press(page, alert(page).getByRole("button", { name: "Remove" }));
    await expect(page.getByRole("heading", { name: "Nobody is told yet" })).toBeVisible();
    expect((await owner.api.get<{ items: unknown[] }>("/webhooks")).items).toEqual([]);
  });
});

test("a developer is told that webhooks are for admins", async ({ visitor }) => {
  const owner = await founder(house, "Xenia", "Yard");
  const dev = await joined(house, owner, "Yuri", "developer");
  const { page } = await visitor(dev.token, {}, house.url);
  await visit(page, "/settings/webhooks");
  await expect(page.getByText("Webhooks are for admins")).toBeVisible();
  await expect(page.getByRole("button", { name: "Add a webhook" })).toHaveCount(0);
});
