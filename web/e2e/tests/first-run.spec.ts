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

    await page.getByLabel("Git remote").fill(remote.url);
    await page.getByRole("textbox", { name: /^Name/ }).fill("mine");
    await page.getByRole("button", { name: "Add the project" }).click();

    await page.getByRole("button", { name: "Add the agent" }).click();
    await expect(page.getByText("Choose one.").first()).toBeVisible();
    await page.getByRole("radio", { name: "A program" }).check();
    await page.getByRole("textbox", { name: /^Name/ }).fill("writer");
    await page
      .getByRole("textbox", { name: /^Command/ })
      .fill("sh -c 'echo Built with make. >> README.md'");
    await page.getByRole("button", { name: "Add the agent" }).click();

    await page.getByLabel("What is wanted").fill("Say how to build it");
    await page.getByRole("button", { name: "Put it on the board" }).click();
    await page.getByRole("button", { name: "Start", exact: true }).click();
    await page.getByRole("link", { name: "Review", exact: true }).click({ timeout: 30_000 });
    await page.getByRole("button", { name: "Approve", exact: true }).click();
    await expect(page.getByText("Landed on main as")).toBeVisible({ timeout: 30_000 });
    expect(remote.git("log", "--format=%s", "main").split("\n")).toEqual([
      "Say how to build it",
      "first",
    ]);
    expect(remote.show("README.md")).toBe("# Mine\nBuilt with make.");
    await page.goto("/");
    await expect(page.getByText("Your first commit has landed")).toBeVisible();
    guard.check();
  } finally {
    await context.close();
    await here.end();
  }
});
