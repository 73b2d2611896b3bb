import { expect, test } from "vitest";
import { PAGES_MAX } from "./event-cache";
import { EventLoader } from "./event-loader";
import { FakeRun, StillWorld, settled } from "./testing/fake-run";
import { seeded } from "./testing/seeded";

test("what is looked at comes, once, whatever the hints, the failures and the order", async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = seeded(seed);
    const below = (most: number) => Math.floor(random() * most);
    const run = new FakeRun();
    run.most = () => 1 + below(250);
    const world = new StillWorld(random);
    const loader = new EventLoader({ fetch: run.fetch }, world);
    const heard = new Map<number, number>();
    loader.listen((events) => {
      for (const event of events) heard.set(event.seq, (heard.get(event.seq) ?? 0) + 1);
    });
    let seen: [number, number] = [1, 30];
    for (let step = 0; step < 120; step++) {
      const chance = random();
      if (chance < 0.3) run.last += below(90);
      else if (chance < 0.5) loader.hint(below(run.last + 1));
      else if (chance < 0.6) {
        const first = 1 + below(run.last + 40);
        seen = [first, first + below(60)];
        loader.want(...seen);
      } else if (chance < 0.9) run.pending[below(run.pending.length)]?.answer();
      else if (chance < 0.95) run.pending[below(run.pending.length)]?.fail();
      else world.pass();
      await settled();
      expect(run.pending.length).toBeLessThanOrEqual(2);
      const [one, two] = run.pending;
      if (one && two) {
        const apart = one.after + one.limit <= two.after || two.after + two.limit <= one.after;
        expect(apart, `seed ${seed}: no two requests for one event`).toBe(true);
      }
    }
    loader.hint(run.last);
    const low = Math.max(1, run.last - 50);
    loader.want(low, run.last);
    for (let turn = 0; turn < 200 && (loader.busy || world.timers > 0); turn++) {
      run.pending[0]?.answer();
      await settled();
      world.pass();
      await settled();
    }
    for (let seq = low; seq <= run.last; seq++) {
      expect(loader.get(seq)?.payload, `seed ${seed}`).toEqual({ text: `event ${seq}` });
    }
    expect(loader.busy).toBe(false);
    // Pages were never let go of at this size, so nothing was told twice.
    expect(Math.max(0, ...heard.values()), `seed ${seed}`).toBeLessThanOrEqual(1);
    loader.close();
  }
});

test("100,000 events: little is asked for, little is held", async () => {
  const run = new FakeRun();
  run.last = 100_000;
  const loader = new EventLoader({ fetch: run.fetch }, new StillWorld());
  loader.hint(100_000);
  for (let first = 1; first < 100_000; first += 700) {
    loader.want(first, first + 40);
    while (run.pending.length > 0) {
      run.pending[0]?.answer();
      await settled();
    }
    expect(loader.cache.pages).toBeLessThanOrEqual(PAGES_MAX + 1);
    expect(loader.get(first + 40)?.seq).toBe(first + 40);
  }
  expect(run.asked.length).toBeLessThan(143 * 3 + 10);
  loader.close();
});

test("a break is waited out, and ends at once when the connection is back", async () => {
  const run = new FakeRun();
  const world = new StillWorld();
  run.last = 10;
  const loader = new EventLoader({ fetch: run.fetch }, world);
  loader.want(1, 50);
  loader.hint(10);
  run.pending[0]?.fail();
  await settled();
  expect(loader.problem).toBeInstanceOf(Error);
  expect(run.pending).toHaveLength(0);
  loader.hint(12);
  expect(run.pending, "no hammering while it waits").toHaveLength(0);
  loader.retry();
  run.last = 12;
  run.pending[0]?.answer();
  await settled();
  expect(loader.problem).toBeNull();
  expect(loader.get(12)?.seq).toBe(12);
  loader.close();
});

test("what scrolled far away is not waited for", async () => {
  const run = new FakeRun();
  run.last = 50_000;
  const loader = new EventLoader({ fetch: run.fetch }, new StillWorld());
  loader.hint(50_000);
  loader.want(1, 40);
  loader.want(40_000, 40_040);
  await settled();
  expect(run.pending.every((pending) => pending.after > 30_000)).toBe(true);
  loader.close();
});
