/** Every view, as it is with real data: it shows, axe finds nothing, it fits a phone, it keeps still when asked to. */
import { accessible, DESKTOP, fits, PHONE, THEMES, visit } from "../harness/studio";
import { expect, test } from "../harness/test";
import { views } from "../harness/world";

test.describe.configure({ mode: "parallel" });

for (const theme of THEMES) {
  test(`axe finds nothing on any view, ${theme}`, async ({ page, shop }) => {
    test.setTimeout(180_000);
    await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
    for (const { name, path } of views(shop)) {
      await page.setViewportSize(DESKTOP);
      await visit(page, path);
      await accessible(page, `${name} (${theme})`);
      await page.setViewportSize(PHONE);
      await fits(page, `${name} (${theme})`);
    }
  });
}

test("no view moves by itself where a person asked for less motion", async ({ page, shop }) => {
  test.setTimeout(120_000);
  await page.emulateMedia({ reducedMotion: "reduce" });
  for (const { name, path } of views(shop)) {
    await visit(page, path);
    const moving = await page.evaluate(() =>
      document
        .getAnimations()
        .filter((animation) => {
          const timing = animation.effect?.getComputedTiming();
          return animation.playState === "running" && Number(timing?.duration ?? 0) > 10;
        })
        .map((animation) => {
          const target = (animation.effect as KeyframeEffect | null)?.target;
          return target?.outerHTML.slice(0, 200) ?? "?";
        }),
    );
    expect.soft(moving, `what moves on ${name}`).toEqual([]);
  }
});
