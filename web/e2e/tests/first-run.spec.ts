/** From the link that `freehold up` prints to the first landed commit, with nothing but the page to go by. */
import { Guard } from "../harness/guard";
import { Installation } from "../harness/installation";
import { expect, test } from "../harness/test";

test("an empty board becomes a landed commit", async ({ browser }) => {
  test.setTimeout(120_000);
  const here = await Installation.start();
  const context = await browser.newContext({ baseURL: here.url });
  try {
    const guard = await Guard.watch(context, here.url);
    const remote = here.remote({ "README.md": "# Mine\n" });
    const page = await context.newPage();
    await page.goto(here.signIn);
    await expect(page.getByRole("heading", { name: "Welcome to Freehold" })).toBeVisible();
    await expect(page, "the secret does not stay in the address").not.toHaveURL(/fhs_/);

    await page.getByLabel("Name").fill("mine");
    await page.getByLabel("Git remote").fill(remote.url);
    await page.getByRole("button", { name: "Add the project" }).click();

    await page.getByRole("button", { name: "Add the agent" }).click();

    await page.getByLabel("What is wanted").fill("Say how to build it");
    await page.getByRole("button", { name: "Put it on the board" }).click();
    await page.getByRole("button", { name: "Start", exact: true }).click();
    await page.getByRole("link", { name: "Review", exact: true }).click({ timeout: 60_000 });
    await page.getByRole("button", { name: "Approve" }).click();
    await expect(page.getByText(/landed/i).first()).toBeVisible({ timeout: 60_000 });
    expect(remote.git("log", "--format=%s", "main").split("\n")).toEqual([
      "Say how to build it",
      "first",
    ]);
    guard.check();
  } finally {
    await context.close();
    await here.end();
  }
});
