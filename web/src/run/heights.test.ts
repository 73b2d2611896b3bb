import { expect, test } from "vitest";
import { Heights } from "./heights";
import { seeded } from "./testing/seeded";

test("agrees with plain sums", () => {
  const random = seeded(7);
  const heights = new Heights();
  const plain: number[] = [];
  for (let step = 0; step < 600; step++) {
    if (random() < 0.1) {
      const more = plain.length + Math.floor(random() * 400);
      heights.grow(more);
      while (plain.length < more) plain.push(-1);
    }
    if (plain.length === 0) continue;
    const index = Math.floor(random() * plain.length);
    const height = random() < 0.4 ? 0 : Math.floor(random() * 200);
    heights.set(index, height);
    plain[index] = height;
    if (random() < 0.02) heights.settle();
    if (step % 20 > 0) continue;
    const unknown = plain.indexOf(-1);
    const estimate = unknown < 0 ? 0 : heights.get(unknown);
    let sum = 0;
    for (const [at, value] of plain.entries()) {
      const own = value < 0 ? estimate : value;
      if (at % 37 === 0) {
        expect(heights.offset(at)).toBeCloseTo(sum, 3);
        if (own > 1) expect(heights.find(sum + own / 2)).toBe(at);
      }
      sum += own;
    }
    expect(heights.total).toBeCloseTo(sum, 3);
  }
  expect(plain.length).toBeGreaterThan(1024);
});

test("rows without height are passed over", () => {
  const heights = new Heights();
  heights.grow(5);
  for (const [index, height] of [10, 0, 0, 10, 10].entries()) heights.set(index, height);
  expect([0, 9.9, 10, 20, 999].map((offset) => heights.find(offset))).toEqual([0, 0, 3, 4, 4]);
});

test("the unknown take the average of the known when they are told to", () => {
  const heights = new Heights();
  heights.grow(100);
  for (let index = 0; index < 10; index++) heights.set(index, 100);
  const before = heights.total;
  expect(heights.settle()).toBe(true);
  expect(heights.total).toBe(10_000);
  expect(before).toBeLessThan(heights.total);
  expect(heights.settle()).toBe(false);
});
