/** The decision: large and odd diffs, comments that go back as one message, a commit that is not the one that was seen. */
import type { Page } from "@playwright/test";

import { HUGE_DIFF, KEEPS_REPLY, ODD_DIFF, ODD_FILES } from "../harness/agents";
import type { Api } from "../harness/api";
import { accessible, settled, size, visit } from "../harness/studio";
import { expect, test } from "../harness/test";

/** A page that holds the lines that are seen, not 5,000 files. The list of files has a row for each folder. */
const ELEMENTS_MAX = 6_000;

const changes = (page: Page) => page.getByLabel("Changes, line by line");

test("a diff of five thousand files opens, and the last file is a moment away", async ({
  here,
  api,
  project,
  page,
}) => {
  const agent = here.name("many");
  await api.agent(agent, HUGE_DIFF);
  const { run } = await api.reviewable(project.name, "Change everything", agent);
  await visit(page, `/runs/${run.id}/review`);
  await expect(page.getByText("5,000 files").first()).toBeVisible();
  await expect(changes(page).getByText("many/00/file-0000.txt").first()).toBeVisible();
  expect(await size(page)).toBeLessThan(ELEMENTS_MAX);
  await page.getByRole("searchbox", { name: "Filter by words of the path" }).fill("file-4999");
  await page.getByText("file-4999.txt").first().click();
  await expect(changes(page).getByText("file 4999").first()).toBeVisible();
  expect(await size(page)).toBeLessThan(ELEMENTS_MAX);
});

test("a line of two megabytes, bytes that are no text, renames, and what machines execute", async ({
  here,
  api,
  makeProject,
  page,
}) => {
  const project = await makeProject(ODD_FILES);
  const agent = here.name("odd");
  await api.agent(agent, ODD_DIFF);
  const { run } = await api.reviewable(project.name, "Odd things", agent);
  await visit(page, `/runs/${run.id}/review`);
  await expect(page.getByText(/^Look twice at \d files?$/).first()).toBeVisible();
  await expect(page.getByText("GitHub runs this by itself after it lands").first()).toBeVisible();
  const seen = await allText(page);
  for (const words of [
    ".github/workflows/ci.yml",
    "Not text, so there are no lines to show.",
    "old-name.txt → new-name.txt",
    "moved.txt → edited-and-moved.txt",
    "this line is another one",
    "not needed any more",
    "It can be executed now.",
    "more in this line",
    "<script>alert(1)</script>",
    "characters that are not seen or turn the reading order",
  ]) {
    expect.soft(seen, words).toContain(words);
  }
  expect(await size(page)).toBeLessThan(ELEMENTS_MAX);
  await changes(page).evaluate((element) => element.scrollIntoView());
  await accessible(page, "the review of odd things");
});

test("comments on lines go back as one message", async ({ here, api, project, page }) => {
  const agent = here.name("listens");
  await api.agent(agent, KEEPS_REPLY);
  const { run } = await api.reviewable(project.name, "Say hello", agent);
  await visit(page, `/runs/${run.id}/review`);
  await comment(page, "Comment on line 1", "This line was fine.");
  await comment(page, "Comment on line 2", "Say **whom** you greet.");
  await page.getByRole("button", { name: "Reply with 2 comments" }).click();
  const dialog = page.getByRole("dialog", { name: "Reply to the agent" });
  await dialog.getByLabel("General remarks").fill("Nearly there.");
  await dialog.getByRole("button", { name: "Send", exact: true }).click();
  await expect(dialog).toBeHidden();
  await api.runIn(run.id, "waiting");
  await page.getByRole("button", { name: "Show the new diff" }).click();
  await expect(page.getByText("+3", { exact: true }).first()).toBeVisible();
  await expect(page.getByText("Nearly there.").first()).toBeVisible();

  const reply = await replied(api, run.id);
  expect(reply).toMatch(/^Nearly there\./);
  expect(reply).toContain("This line was fine.");
  expect(reply).toContain("Say **whom** you greet.");
  expect(reply.match(/\*\*`greeting`, line \d/g)).toHaveLength(2);
  expect(reply).toContain("hello");
  const { asked } = await api.get<{ asked: { kind: string; text: string }[] }>(
    `/runs/${run.id}/review`,
  );
  expect(asked.filter(({ kind }) => kind === "reply").map(({ text }) => text)).toEqual([reply]);
});

test("work that changed while someone looked is not approved", async ({
  here,
  api,
  project,
  page,
}) => {
  const agent = here.name("adds");
  await api.agent(agent, "echo once more >> greeting");
  const { run } = await api.reviewable(project.name, "Add a line", agent);
  const before = project.remote.head();
  await visit(page, `/runs/${run.id}/review`);
  await expect(changes(page).getByText("once more").first()).toBeVisible();
  // Somebody replies, and the agent goes on, right before the yes arrives.
  await page.route("**/api/v1/runs/*/approve", async (route) => {
    await api.post(`/runs/${run.id}/reply`, { text: "Another one" });
    await api.runIn(run.id, "waiting");
    await route.continue();
  });
  await page.getByRole("button", { name: "Approve", exact: true }).click();
  await expect(page.getByText("Not approved: the work changed while you looked")).toBeVisible({
    timeout: 30_000,
  });
  expect(project.remote.head()).toBe(before);
  expect((await api.run(run.id)).state).toBe("waiting");
  await page.unroute("**/api/v1/runs/*/approve");
  const dialog = page.getByRole("dialog");
  if (await dialog.isVisible()) await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Show the new diff" }).click();
  await settled(page);
  await page.getByRole("button", { name: "Approve", exact: true }).click();
  await expect(page.getByText("Landed on main as")).toBeVisible({ timeout: 30_000 });
  expect(project.remote.show("greeting")).toBe("good evening\nonce more\nonce more");
});

test("a rejected work says why, and nothing lands", async ({ here, api, project, page }) => {
  const agent = here.name("wrong");
  await api.agent(agent, "echo wrong >> greeting");
  const { run } = await api.reviewable(project.name, "Do it wrong", agent);
  const before = project.remote.head();
  await visit(page, `/runs/${run.id}/review`);
  await page.getByRole("button", { name: "Reject" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Reject the work" }).click();
  await expect(dialog.getByText("Say in a few words why")).toBeVisible();
  await dialog.getByLabel("Reason").fill("Not this way");
  await dialog.getByRole("button", { name: "Reject the work" }).click();
  await expect(page.getByText("Not this way").first()).toBeVisible();
  expect((await api.runIn(run.id, "rejected")).detail).toContain("Not this way");
  expect(project.remote.head()).toBe(before);
});

async function comment(page: Page, label: string, text: string): Promise<void> {
  await changes(page).getByRole("button", { name: label, exact: true }).first().click();
  await page.getByRole("textbox", { name: /^Comment on/ }).fill(text);
  await page.getByRole("button", { name: "Keep comment" }).click();
}

/** What the agent was told in its card's file, as it wrote it down. */
async function replied(api: Api, run: string): Promise<string> {
  const diff = await (await api.raw("GET", `/runs/${run}/diff`)).text();
  const line = diff.split("\n").find((text) => text.startsWith('+"'));
  return JSON.parse(line?.slice(1) ?? "null") as string;
}

/** All that the page shows while it is scrolled from the top to the end. */
async function allText(page: Page): Promise<string> {
  return page.evaluate(async () => {
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    const boxes = [document.scrollingElement, ...document.querySelectorAll("main, main *")];
    const box = boxes.find(
      (element) =>
        element &&
        element.scrollHeight > element.clientHeight + 200 &&
        /auto|scroll/.test(getComputedStyle(element).overflowY),
    );
    let seen = "";
    for (let top = 0; ; top += 200) {
      if (box) box.scrollTop = top;
      await frame();
      await frame();
      seen += document.querySelector("main")?.textContent ?? "";
      if (!box || top >= box.scrollHeight) return seen;
    }
  });
}
