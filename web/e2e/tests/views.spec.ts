/** Every view, as it is with real data: it shows, axe finds nothing, it fits a phone, it keeps still when asked to. */
import { accessible, DESKTOP, fits, PHONE, THEMES, visit } from "../harness/studio";
import { expect, test } from "../harness/test";
import { views } from "../harness/world";

test.describe.configure({ mode: "parallel" });

/** What a person looks for on each view. */
const SHOWN: Record<string, (string | RegExp)[]> = {
  board: ["Free shipping above 50 € in the whole EU", "Waits for you", "Failed", "Landed"],
  card: ["Orders from Liechtenstein fail at checkout:", "KeyError: 'li'", "created the card"],
  "card-waits": [/It will wait until 1 card it depends on has landed/],
  projects: ["lands on main", "1 waits for you"],
  "project-settings": ["What may be reached from inside", /^refs\/freehold\/record/],
  inbox: ["Decide", "Look", "Stuck", "Move the build to Vite 8", /offers the labels/],
  runs: ["Rename Cart to Basket everywhere", "Rejected", "Queued", "Needs review"],
  "run-review": ["Collect commits", /18,432 tokens in/, "Waits for a decision"],
  "run-failed": ["The agent ended with an error", /npm ERR! code ELIFECYCLE/],
  "run-running": ["waiting for the fixture server"],
  "run-landed": ["Landed as", "Approved by"],
  "run-stuck": [/No connected runner offers the labels/, /gpu=a100/],
  review: [/An unknown country is now taxed at/, "Look twice at 1 file", "KeyError: 'li'"],
  "review-landed": ["Landed on main as"],
  runners: ["Online", "Replay yesterday's orders against the new prices"],
  environments: ["Busy", "Active for", /of 16 in use/],
  agents: ["careful", "Built-in"],
  providers: ["scripted", "OpenAI"],
  account: ["Where you are signed in", "You have no password here"],
  members: ["1 member.", "Owner", "Nobody can be invited from here"],
  groups: ["This server knows no provider of identities", "What the operator sets"],
  tokens: ["You have no token", "The organization has no token"],
  webhooks: ["Nobody is told yet", "Add a webhook"],
  audit: ["run.start", "The key that signs", /^freehold audit verify audit.jsonl --key/],
  device: [/^A machine that runs freehold login shows a code/],
  settings: ["Owner", /version \d+\.\d+\.\d+/],
};

test("every view shows what there is", async ({ page, shop }) => {
  test.setTimeout(120_000);
  for (const { name, path } of views(shop)) {
    await visit(page, path);
    for (const words of SHOWN[name] ?? [`nothing is expected of ${name}`]) {
      const found = page.getByText(words).filter({ visible: true });
      await expect.soft(found.first(), name).toBeVisible();
    }
  }
});

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
