/** F25: the browser's clock is a day off, either way. What the page tells is by the server's; what expires, too. */
import { House } from "../harness/house";
import { founder, joined, type Person } from "../harness/people";
import { press, visit } from "../harness/studio";
import { expect, test } from "../harness/test";

const DAY_MS = 24 * 60 * 60 * 1_000;

let house: House;
let owner: Person;

test.beforeAll(async () => {
  house = await House.open();
  owner = await founder(house, "Tilda", "Tower");
});
test.afterAll(async () => {
  await house?.end();
});

for (const [way, off] of [
  ["behind", -DAY_MS],
  ["ahead", DAY_MS],
] as const) {
  test(`a browser whose clock is a day ${way} tells the time of the server`, async ({
    visitor,
  }) => {
    test.setTimeout(90_000);
    const name = way === "ahead" ? "Anna" : "Berta";
    await joined(house, owner, name, "developer");
    const { page } = await visitor(owner.token, {}, house.url);
    await page.clock.install({ time: Date.now() + off });
    await visit(page, "/settings/members");
    const row = page.getByRole("row").filter({ hasText: name });

    await test.step("what is past and what is to come", async () => {
      expect(Math.abs((await page.evaluate(() => Date.now())) - Date.now() - off)).toBeLessThan(
        DAY_MS / 24,
      );
      await expect(row).toContainText(/just now|\d min ago/);
      await owner.api.post("/invitations", { email: `${way}@example.org`, role: "viewer" });
      // A week, whatever the browser's calendar says.
      const invited = page.getByRole("row").filter({ hasText: `${way}@example.org` });
      await expect(invited).toContainText("in 7 days");
      await expect(invited).toContainText("just now");
    });

    await test.step("a code that counts minutes is as good as the server says", async () => {
      const { user_code } = await owner.api.post<{ user_code: string }>("/device", {
        name: `laptop-${way}`,
      });
      await visit(page, "/device");
      await page.getByLabel("Code").fill(user_code);
      await page.keyboard.press("Enter");
      await expect(page.getByText(/in (9|10) min/)).toBeVisible();
      await press(page, page.getByRole("button", { name: "Sign it in" }));
      await expect(page.getByText(`laptop-${way} is signed in as you`)).toBeVisible();
    });

    await test.step("a confirmation holds for as long as the server says", async () => {
      await visit(page, "/settings/members");
      await page.getByRole("button", { name: `Actions for ${name}` }).click();
      await page.getByRole("menuitem", { name: "Remove…" }).click();
      const asked = page.getByRole("alertdialog");
      await expect(asked).toContainText("The server says what will happen");
      await asked.getByRole("button", { name: "Remove" }).click();
      await expect(page.getByText(`${name} is removed`)).toBeVisible();
      await expect(row).toHaveCount(0);
    });

    await test.step("the clock is set right while the page is open, and it follows", async () => {
      const invited = page.getByRole("row").filter({ hasText: `${way}@example.org` });
      await page.clock.setSystemTime(Date.now());
      await expect(invited).toContainText("in 7 days");
      await expect(invited).toContainText(/just now|\d min ago/);
    });
  });
}
