/** Runs that are large: the page opens at once, scrolls anywhere, and holds little. */
import { FLOOD_BYTES, FLOOD_EVENTS, FLOOD_LAST_LINE } from "../harness/agents";
import { activity, showOutput, size, visit } from "../harness/studio";
import { expect, test } from "../harness/test";

/** Elements of a page that shows a window of a list, not the list. */
const ELEMENTS_MAX = 4_000;
/** For a machine that does other things as well. The figures are in `npm run figures`. */
const OPENS_WITHIN_MS = 20_000;

/** Both floods at once, on a machine that does other things as well. */
const FLOODED_MS = 170_000;

test.describe.configure({ mode: "serial" });

const runs = { events: "", bytes: "" };

test.beforeAll(async ({ here }) => {
  test.setTimeout(180_000);
  const { api } = here;
  const project = here.name("floods");
  await api.project(project, here.remote({ greeting: "hello\n" }).url);
  await api.actor("talks", [{ flood: FLOOD_EVENTS }, { say: "That was all." }]);
  await api.agent("prints", FLOOD_BYTES);
  const events = await api.start((await api.card(project, "Say very much")).id, "talks");
  const bytes = await api.start((await api.card(project, "Print very much")).id, "prints");
  runs.events = (await api.runWithin(FLOODED_MS, events.id, "succeeded")).id;
  runs.bytes = (await api.runWithin(FLOODED_MS, bytes.id, "waiting")).id;
});

test("100,000 events: any of them is a moment away", async ({ page }) => {
  const begun = Date.now();
  await visit(page, `/runs/${runs.events}`);
  const list = await activity(page);
  expect(Date.now() - begun).toBeLessThan(OPENS_WITHIN_MS);
  expect(await size(page)).toBeLessThan(ELEMENTS_MAX);
  const to = (share: number) =>
    list.evaluate((element, part) => {
      element.scrollTop = (element.scrollHeight - element.clientHeight) * part;
    }, share);
  await to(0);
  await expect(list.getByText("Read line 1 of the flood", { exact: true })).toBeVisible();
  await to(0.5);
  await expect(list.getByText(/Read line [45]\d{4} of the flood/).first()).toBeVisible();
  expect(await size(page)).toBeLessThan(ELEMENTS_MAX);
  await to(1);
  await expect(list.getByText("That was all.")).toBeVisible();
  expect(await size(page)).toBeLessThan(ELEMENTS_MAX);
});

test("100 MB of output: its end is there at once, and nothing is held that is not seen", async ({
  page,
}) => {
  const begun = Date.now();
  await visit(page, `/runs/${runs.bytes}`);
  await showOutput(page);
  await expect(page.getByText(FLOOD_LAST_LINE).first()).toBeVisible();
  expect(Date.now() - begun).toBeLessThan(OPENS_WITHIN_MS);
  expect(await size(page)).toBeLessThan(ELEMENTS_MAX);
});
