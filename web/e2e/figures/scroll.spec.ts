/** Scrolling through a run of 100,000 events. */
import { median, percentile } from "../harness/statistics";
import { activity, visit } from "../harness/studio";
import { expect, test } from "../harness/test";

const EVENTS = 100_000;
const SCROLL_MS = 4_000;
/** A wheel that is turned fast: this far in every frame. */
const STEP_PX = 160;

/** The time between frames while the list is scrolled, or while nothing is. */
async function frames(
  list: {
    evaluate: (
      of: (list: Element, how: [number, number]) => Promise<number[]>,
      how: [number, number],
    ) => Promise<number[]>;
  },
  step: number,
): Promise<number[]> {
  return list.evaluate(
    (element, [pixels, duration]) =>
      new Promise<number[]>((done) => {
        const deltas: number[] = [];
        const begun = performance.now();
        let last = begun;
        const frame = (now: number) => {
          deltas.push(now - last);
          last = now;
          element.scrollTop += pixels;
          if (now - begun < duration) requestAnimationFrame(frame);
          else done(deltas.slice(2));
        };
        requestAnimationFrame(frame);
      }),
    [step, SCROLL_MS],
  );
}

const told = (deltas: number[]) =>
  `${(1000 / median(deltas)).toFixed(0)} frames/s (median), ${(1000 / percentile(deltas, 0.95)).toFixed(0)} (p95)`;

test("scrolling", async ({ api, page, project }) => {
  await api.actor("flood", [{ flood: EVENTS }]);
  const card = await api.card(project.name, "A hundred thousand events");
  const { id } = await api.start(card.id, "flood");
  await api.runIn(id, "succeeded");
  await visit(page, `/runs/${id}`);
  const list = await activity(page);
  await list.evaluate((element) => {
    element.scrollTop = 0;
  });
  const still = await frames(list, 0);
  const before = await list.evaluate((element) => element.scrollTop);
  const down = await frames(list, STEP_PX);
  const far = (await list.evaluate((element) => element.scrollTop)) - before;
  const up = await frames(list, -STEP_PX);
  console.log(
    `scrolling a run of ${EVENTS} events   down ${told(down)}   up ${told(up)} (aim 50)   ` +
      `${far.toFixed(0)} px in ${SCROLL_MS / 1000} s   floor (nothing moves) ${told(still)}`,
  );
  expect(far).toBeGreaterThan(1000);
});
