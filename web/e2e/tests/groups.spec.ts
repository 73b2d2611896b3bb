/** What groups of a provider of identities are in an organization, and what comes of it. */
import type { Locator, Page } from "@playwright/test";

import { House } from "../harness/house";
import { Identities } from "../harness/identities";
import { founder } from "../harness/people";
import { accessible, choose, fits, PHONE, press, reach, visit } from "../harness/studio";
import { expect, test } from "../harness/test";

let identities: Identities;
let house: House;

test.beforeAll(async () => {
  identities = await Identities.start();
  house = await House.open((tenant) => ["--oidc", identities.withGroups([tenant])]);
  await identities.sendsBackTo(`${house.url}/sign-in/with/corp`);
});
test.afterAll(async () => {
  await house?.end();
  identities?.end();
});

const dialog = (page: Page): Locator => page.getByRole("dialog");
const row = (page: Page, words: string): Locator =>
  page.getByRole("row").filter({ hasText: words });

interface Members {
  items: { email: string; role: string }[];
}

const roleOf = async (address: string): Promise<string | undefined> =>
  (await house.owner.get<Members>("/members")).items.find(({ email }) => email === address)?.role;

test("an owner says what a group is, and its people are that when they sign in", async ({
  visitor,
}) => {
  test.setTimeout(120_000);
  const { page } = await visitor(house.owner.token, {}, house.url);

  await test.step("the empty page says what must be set up, and for which organization", async () => {
    await visit(page, "/settings/groups");
    await expect(page.getByRole("heading", { name: "No group is anything here" })).toBeVisible();
    const { tenant } = await house.owner.get<{ tenant: string }>("/me");
    await expect(page.getByText(`organizations = ["${tenant}"]`)).toBeVisible();
    await accessible(page, "no groups");
  });

  await test.step("a group is added by keyboard", async () => {
    await press(page, page.getByRole("button", { name: "Add a group" }));
    await expect(dialog(page).getByLabel("Group")).toBeFocused();
    await page.keyboard.press("Enter");
    await expect(dialog(page).getByText("Give the group's name.").first()).toBeVisible();
    await page.keyboard.type("/eng");
    await reach(page, dialog(page).getByRole("radio", { name: "Developer" }));
    await page.keyboard.press("ArrowUp");
    await expect(dialog(page).getByRole("radio", { name: "Viewer" })).toBeChecked();
    await accessible(page, "adding a group");
    await press(page, dialog(page).getByRole("button", { name: "Add the group" }));
    await expect(row(page, "/eng")).toContainText("Viewer");
    await expect(row(page, "/eng")).toContainText("Example Corp");
  });

  const grace = { email: "grace@example.org", email_verified: true, name: "Grace" };
  const signsIn = async (groups: string[]) => {
    await identities.who("g-7", { ...grace, groups });
    const hers = (await visitor(null, {}, house.url, identities.issuer)).page;
    await hers.goto("/sign-in");
    await hers.getByRole("button", { name: "Sign in with Example Corp" }).click();
    await hers.waitForURL((at) => at.origin === house.url && !at.pathname.startsWith("/sign-in"));
  };

  await test.step("who signs in as one of it is a member", async () => {
    await signsIn(["/eng"]);
    await expect.poll(() => roleOf("grace@example.org")).toBe("viewer");
  });

  await test.step("another role holds at the next sign-in", async () => {
    await choose(page, "Actions for the group /eng", "Change the role…");
    await dialog(page).getByRole("radio", { name: "Owner" }).check();
    await expect(dialog(page)).toContainText("They will be owners");
    await dialog(page).getByRole("radio", { name: "Developer" }).check();
    await press(page, dialog(page).getByRole("button", { name: "Save" }));
    await expect(row(page, "/eng")).toContainText("Developer");
    await signsIn(["/eng"]);
    await expect.poll(() => roleOf("grace@example.org")).toBe("developer");
    await page.setViewportSize(PHONE);
    await fits(page, "the groups on a phone");
    await accessible(page, "the groups");
  });

  await test.step("removed it is nothing", async () => {
    await choose(page, "Actions for the group /eng", "Remove…");
    const asked = page.getByRole("alertdialog");
    await press(page, asked.getByRole("button", { name: "Remove" }));
    await expect(page.getByRole("heading", { name: "No group is anything here" })).toBeVisible();
    expect((await house.owner.get<{ items: unknown[] }>("/group-roles")).items).toEqual([]);
  });
});

test("an organization that the operator did not name is told whom to ask", async ({ visitor }) => {
  const owner = await founder(house, "Olga", "Other");
  const { page } = await visitor(owner.token, {}, house.url);
  await visit(page, "/settings/groups");
  await page.getByRole("button", { name: "Add a group" }).click();
  await dialog(page).getByLabel("Group").fill("/eng");
  await dialog(page).getByRole("button", { name: "Add the group" }).click();
  await expect(dialog(page).getByRole("alert").first()).toContainText(
    /not this organization's to use.*Whoever operates the server names it/s,
  );
  await accessible(page, "a group that was refused");
});
