import { expect, test } from "vitest";
import type { RunEvent } from "./event";
import type { FilteredSource } from "./filtered-loader";
import { FilteredLoader } from "./filtered-loader";
import { OutputFeed, type Sink } from "./output-feed";
import { StillWorld, settled } from "./testing/fake-run";
import { seeded } from "./testing/seeded";

/** A run of which every third event is no output; answers at once, fails as often as told. */
class FakeOutput implements FilteredSource {
  last = 0;
  fail = () => false;
  most = () => 200;
  requests = 0;
  text = (seq: number) => `${seq}\n`;

  #event(seq: number): RunEvent | null {
    if (seq % 3 === 0) return null;
    const payload = { step: "agent", stream: "stdout", text: this.text(seq) };
    return { seq, ts: "2026-01-01T00:00:00Z", type: "output", payload };
  }

  async #answer(
    events: (RunEvent | null)[],
    end: "first" | "last",
    limit: number,
  ): Promise<RunEvent[]> {
    this.requests++;
    await Promise.resolve();
    if (this.fail()) throw new Error("away");
    const found = events.filter((event) => event !== null);
    const most = Math.min(limit, this.most());
    return end === "first" ? found.slice(0, most) : found.slice(-most);
  }

  after(seq: number, limit: number): Promise<RunEvent[]> {
    const events = Array.from({ length: Math.max(0, Math.min(this.last - seq, 2_000)) }, (_, at) =>
      this.#event(seq + 1 + at),
    );
    return this.#answer(events, "first", limit);
  }

  before(seq: number, limit: number): Promise<RunEvent[]> {
    const low = Math.max(1, seq - 2_000);
    const events = Array.from(
      { length: Math.max(0, Math.min(seq - 1, this.last) - low + 1) },
      (_, at) => this.#event(low + at),
    );
    return this.#answer(events, "last", limit);
  }
}

class Paper implements Sink {
  text = "";
  resets = 0;
  cut = false;
  reset(cut: boolean): void {
    this.text = "";
    this.resets++;
    this.cut = cut;
  }
  async write(piece: string | Uint8Array): Promise<void> {
    await Promise.resolve();
    this.text += piece;
  }
}

function wanted(from: number, to: number): string {
  let text = "";
  for (let seq = from; seq <= to; seq++) if (seq % 3 !== 0) text += `${seq}\n`;
  return text;
}

async function until(done: () => boolean, world: StillWorld): Promise<void> {
  for (let turn = 0; turn < 3_000 && !done(); turn++) {
    await settled();
    world.pass();
  }
  expect(done()).toBe(true);
}

test("every piece once and in order, whatever fails and however it is hinted at", async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = seeded(seed);
    const source = new FakeOutput();
    source.fail = () => random() < 0.3;
    source.most = () => 1 + Math.floor(random() * 60);
    const world = new StillWorld(random);
    const paper = new Paper();
    source.last = 40;
    const feed = new OutputFeed(
      source,
      paper,
      { range: { from: 5, to: null }, protocol: false },
      world,
    );
    feed.hint(40);
    for (let step = 0; step < 60; step++) {
      source.last += Math.floor(random() * 30);
      feed.hint(Math.floor(random() * source.last));
      if (random() < 0.5) await settled();
      if (random() < 0.5) world.pass();
    }
    feed.hint(source.last);
    await until(() => feed.idle, world);
    await settled();
    expect(paper.text, `seed ${seed}`).toBe(wanted(6, source.last));
    expect(paper.resets).toBe(1);
    feed.close();
  }
});

test("much output: the end only, in a bounded number of requests, and it says so", async () => {
  const source = new FakeOutput();
  source.last = 100_000;
  const paper = new Paper();
  const world = new StillWorld();
  const feed = new OutputFeed(
    source,
    paper,
    { range: { from: 1, to: null }, protocol: false },
    world,
  );
  feed.hint(100_000);
  await until(() => feed.idle, world);
  expect(source.requests).toBeLessThanOrEqual(60);
  expect(paper.cut).toBe(true);
  expect(paper.text.endsWith("99997\n99998\n100000\n")).toBe(true);
  feed.close();
});

test("the output of a step ends where the step ends", async () => {
  const source = new FakeOutput();
  source.last = 100;
  const paper = new Paper();
  const world = new StillWorld();
  const feed = new OutputFeed(
    source,
    paper,
    { range: { from: 10, to: 50 }, protocol: false },
    world,
  );
  feed.hint(100);
  await until(() => feed.idle, world);
  expect(paper.text).toBe(wanted(11, 50));
  feed.close();
});

test("a filtered list has every match once, from either end, through failures", async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = seeded(seed);
    const source = new FakeOutput();
    source.fail = () => random() < 0.3;
    source.most = () => 1 + Math.floor(random() * 80);
    source.last = 300;
    const world = new StillWorld(random);
    const loader = new FilteredLoader(source, { from: seed % 2 === 0 ? "start" : "end" }, world);
    loader.hint(300);
    for (let step = 0; step < 40; step++) {
      source.last += Math.floor(random() * 20);
      loader.hint(Math.floor(random() * (source.last + 1)));
      if (random() < 0.3) loader.earlier();
      await settled();
      if (random() < 0.5) world.pass();
    }
    loader.hint(source.last);
    await until(() => {
      loader.earlier();
      return loader.atStart && loader.atEnd && !loader.busy;
    }, world);
    const seqs = loader.items.map((event) => event.seq);
    const all = Array.from({ length: source.last }, (_, at) => at + 1).filter(
      (seq) => seq % 3 !== 0,
    );
    expect(seqs, `seed ${seed}`).toEqual(all);
    loader.close();
  }
});
