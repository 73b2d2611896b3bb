/** People with accounts: they make one, sign in with a password, forget it, and invite each other. */
import type { Page } from "@playwright/test";

import { Api } from "../harness/api";
import { House } from "../harness/house";
import { TOKEN_KEY } from "../harness/session";
import { accessible, press } from "../harness/studio";
import { expect, test } from "../harness/test";

const GRACE = "grace@example.org";
const ADA = "ada@example.org";
const FIRST = "a tall blue horse";
const SECOND = "another tall horse";

async function signIn(page: Page, password: string): Promise<void> {
  await page.getByLabel("Address").fill(GRACE);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

/** Opens a mail's link; the secret does not stay in the address. */
async function follow(page: Page, link: string): Promise<void> {
  await page.goto(link);
  await expect(page).not.toHaveURL(/#/);
}

const welcome = (page: Page) => page.getByRole("heading", { name: "Welcome to Freehold" });

let house: House;

test.beforeAll(async () => {
  house = await House.open();
});
test.afterAll(async () => house?.end());

test("from no account to two people in one organization", async ({ visitor }) => {
  test.setTimeout(120_000);
  const { page } = await visitor(null, {}, house.url);

  await test.step("an account is made with the keyboard, and confirmed by mail", async () => {
    await page.goto("/");
    await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
    await accessible(page, "the sign-in page");
    await press(page, page.getByRole("link", { name: "Make an account" }));
    await expect(page.getByRole("heading", { name: "Make an account" })).toBeFocused();
    await page.getByLabel("Name").fill("Grace");
    await page.getByLabel("Organization").fill("Navy");
    await page.getByLabel("Address").fill(GRACE);
    await page.getByLabel("Password").fill(FIRST);
    await page.keyboard.press("Enter");
    await expect(page.getByText("Look at your mail")).toBeVisible();
    await follow(page, await house.mailed(GRACE, "/confirm"));
    await accessible(page, "the page that confirms");
    await page.getByLabel("Password").fill(FIRST);
    await page.getByRole("button", { name: "Confirm and sign in" }).click();
    await expect(welcome(page)).toBeVisible();
  });

  await test.step("somebody who is invited joins", async () => {
    const token = await page.evaluate((key) => localStorage.getItem(key), TOKEN_KEY);
    const api = new Api(house.url, token ?? "");
    await api.post("/invitations", { email: ADA, role: "developer" });
    const ada = await visitor(null, {}, house.url);
    await follow(ada.page, await house.mailed(ADA, "/join"));
    await expect(ada.page.getByText("Grace invites you to Navy as a developer.")).toBeVisible();
    await accessible(ada.page, "an invitation");
    await ada.page.getByLabel("Name").fill("Ada");
    await ada.page.getByLabel("New password").fill(FIRST);
    await ada.page.getByRole("button", { name: "Join and sign in" }).click();
    await expect(ada.page.getByRole("heading", { name: "Join Navy" })).toBeHidden();
    await ada.page.goto("/settings");
    await expect(ada.page.getByRole("main").getByText("Navy", { exact: true })).toBeVisible();
  });

  await test.step("a forgotten password is set anew, which signs all browsers out", async () => {
    const other = (await visitor(null, {}, house.url)).page;
    await other.goto("/sign-in");
    await signIn(other, "not the password");
    const refused = other.getByRole("alert");
    await expect(refused).toContainText("The address or the password is not right");
    await expect(other.locator(":focus").getByRole("alert")).toBeVisible();
    await other.getByRole("link", { name: "Forgotten?" }).click();
    await other.getByLabel("Address").fill(GRACE);
    await other.getByRole("button", { name: "Send the mail" }).click();
    await expect(other.getByText(`If ${GRACE} has an account here`)).toBeVisible();
    await follow(other, await house.mailed(GRACE, "/new-password"));
    await accessible(other, "the page that sets a new password");
    await other.getByLabel("New password").fill("too short");
    await other.getByRole("button", { name: "Set the password" }).click();
    await expect(other.getByLabel("New password")).toBeFocused();
    await other.getByLabel("New password").fill(SECOND);
    await other.getByRole("button", { name: "Set the password" }).click();
    await expect(other.getByText("The new password is set")).toBeVisible();
    await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
    await other.getByRole("link", { name: "Back to sign-in" }).click();
    await signIn(other, SECOND);
    await expect(welcome(other)).toBeVisible();
  });
});
