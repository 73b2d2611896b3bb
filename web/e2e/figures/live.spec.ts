/** From an agent's line to the pixels of a browser that looks at the run. */
import { Readable } from "node:stream";
import type { ReadableStream as WebStream } from "node:stream/web";

import { median, ms, percentile } from "../harness/statistics";
import { visit } from "../harness/studio";
import { expect, test } from "../harness/test";
import { until } from "../harness/wait";

const LINES = 300;
const AT_LEAST = 100;

/** Notes, for every time stamp that comes into the page, how old it is when its frame is done. */
function noteStamps(): void {
  const late = new Map<string, number>();
  (window as unknown as { late: Map<string, number> }).late = late;
  const look = (node: Node) => {
    for (const [stamp] of (node.textContent ?? "").matchAll(/\b1[0-9]{18}\b/g)) {
      if (late.has(stamp)) continue;
      late.set(stamp, Number.NaN);
      requestAnimationFrame(() => {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => {
          const now = performance.timeOrigin + performance.now();
          late.set(stamp, now - Number(BigInt(stamp) / 1000n) / 1000);
        };
        channel.port2.postMessage(0);
      });
    }
  };
  new MutationObserver((changes) => {
    for (const { target, addedNodes, type } of changes) {
      if (type === "characterData") look(target);
      for (const node of addedNodes) look(node);
    }
  }).observe(document, { childList: true, subtree: true, characterData: true });
}

/** The same lines as a plain client of the API gets them. */
async function plain(url: string, token: string, run: string, late: number[]): Promise<void> {
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(`${url}/api/v1/runs/${run}/events/stream`, { headers });
  if (!answer.body) throw new Error("no stream");
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of Readable.fromWeb(answer.body as WebStream)) {
    const now = performance.timeOrigin + performance.now();
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines.filter(
      (text) => text.startsWith("data: ") && text.includes('"output"'),
    )) {
      for (const [stamp] of line.matchAll(/\b1[0-9]{18}\b/g)) {
        late.push(now - Number(BigInt(stamp) / 1000n) / 1000);
      }
    }
  }
}

test("live", async ({ here, api, page, project }) => {
  const tick = `i=0; while [ $i -lt ${LINES} ]; do date +%s%N; sleep 0.03; i=$((i+1)); done`;
  await api.agent("ticker", `barrier tick\n${tick}`);
  const card = await api.card(project.name, "Tick");
  const { id } = await api.start(card.id, "ticker");
  await api.runIn(id, "running");
  await page.addInitScript(noteStamps);
  await visit(page, `/runs/${id}`);
  const floor: number[] = [];
  const listening = plain(here.url, here.token, id, floor);
  here.open("tick");
  await api.runIn(id, "succeeded");
  await listening;
  const late = await until("the lines are in the page", async () => {
    const values = await page.evaluate(() => [
      ...(window as unknown as { late: Map<string, number> }).late.values(),
    ]);
    const done = values.filter((value) => !Number.isNaN(value));
    return done.length >= AT_LEAST ? done : null;
  });
  console.log(
    `agent's line to the pixels of a browser   p50 ${ms(median(late))} (aim 100)   p99 ${ms(percentile(late, 0.99))}   ` +
      `${late.length} lines of ${LINES} seen   floor (a plain client of the API) p50 ${ms(median(floor))}   p99 ${ms(percentile(floor, 0.99))}`,
  );
  expect(late.length).toBeGreaterThanOrEqual(AT_LEAST);
});
