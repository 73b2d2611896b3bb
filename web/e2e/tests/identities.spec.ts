/** People who sign in at a provider of identities, and link it to the account that they have. */
import { House } from "../harness/house";
import { Identities } from "../harness/identities";
import { accessible, press } from "../harness/studio";
import { expect, test } from "../harness/test";

const PASSWORD = "a tall blue horse";

let identities: Identities;
let house: House;

test.beforeAll(async () => {
  identities = await Identities.start();
  house = await House.open(["--oidc", identities.file]);
  await identities.sendsBackTo(`${house.url}/sign-in/with/corp`);
});
test.afterAll(async () => {
  await house?.end();
  identities?.end();
});

test("a provider is a way in, for its own person alone", async ({ visitor }) => {
  test.setTimeout(120_000);
  const { page } = await visitor(null, {}, house.url, identities.issuer);
  const button = page.getByRole("button", { name: "Sign in with Example Corp" });

  await test.step("somebody who says no at the provider is told so", async () => {
    await identities.who(null);
    await page.goto("/settings");
    await expect(button).toBeVisible();
    await accessible(page, "the sign-in page with a provider");
    await press(page, button);
    await expect(page.getByText("The provider was told no")).toBeVisible();
    await expect(page).toHaveURL(`${house.url}/sign-in/with/corp`);
    await accessible(page, "the page that one comes back to");
  });

  await test.step("somebody new gets an account, and is where they wanted to be", async () => {
    await identities.who("g-1", {
      email: "grace@example.org",
      email_verified: true,
      name: "Grace",
    });
    await page.goto("/settings");
    await button.click();
    await expect(page).toHaveURL(`${house.url}/settings`);
    await expect(page.getByRole("heading", { name: "Ways in" })).toBeVisible();
    await expect(page.getByText("g-1")).toBeVisible();
  });

  await test.step("the only way in stays", async () => {
    await page.getByRole("button", { name: "Unlink Example Corp" }).click();
    const asked = page.getByRole("alertdialog");
    await asked.getByRole("button", { name: "Unlink Example Corp" }).click();
    await expect(asked).toContainText("It is the only way into your account");
    await page.keyboard.press("Escape");
  });

  await test.step("an account that there is is linked by its person, and by nobody else", async () => {
    const ada = (await visitor(null, {}, house.url, identities.issuer)).page;
    await ada.goto("/sign-in?view=register");
    await ada.getByLabel("Name").fill("Ada");
    await ada.getByLabel("Organization").fill("Mill");
    await ada.getByLabel("Address").fill("ada@example.org");
    await ada.getByLabel("Password").fill(PASSWORD);
    await ada.keyboard.press("Enter");
    await expect(ada.getByText("Look at your mail")).toBeVisible();
    await identities.who("a-1", { email: "ada@example.org", email_verified: true, name: "Ada" });
    await ada.goto(await house.mailed("ada@example.org", "/confirm"));
    await ada.getByLabel("Password").fill(PASSWORD);
    await ada.getByRole("button", { name: "Confirm and sign in" }).click();
    await expect(ada.getByRole("heading", { name: "Welcome to Freehold" })).toBeVisible();

    const other = (await visitor(null, {}, house.url, identities.issuer)).page;
    await other.goto("/sign-in");
    await other.getByRole("button", { name: "Sign in with Example Corp" }).click();
    await expect(other.getByRole("alert")).toContainText("The address has an account here");

    await ada.goto("/settings");
    await ada.getByRole("button", { name: "Link Example Corp" }).click();
    const proof = ada.getByRole("dialog");
    await proof.getByLabel("Your password").fill("not the password");
    await ada.keyboard.press("Enter");
    await expect(proof).toContainText("The current password is not right");
    await accessible(ada, "the question for one's password");
    await proof.getByLabel("Your password").fill(PASSWORD);
    await proof.getByRole("button", { name: "Go to Example Corp" }).click();
    await expect(ada.getByText("a-1")).toBeVisible();
    await accessible(ada, "the settings with a linked provider");

    await other.goto("/sign-in");
    await other.getByRole("button", { name: "Sign in with Example Corp" }).click();
    await expect(other.getByRole("heading", { name: "Welcome to Freehold" })).toBeVisible();
  });
});
