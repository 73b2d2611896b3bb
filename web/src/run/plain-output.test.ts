import { expect, test } from "vitest";
import { fold, HEAD_LINES, LINE_MAX, plainOutput, TAIL_LINES, upright } from "./plain-output";

test("sequences and controls are gone, what was written over shows its end", () => {
  expect(
    plainOutput("\x1b[1;31mred\x1b[0m \x1b]0;title\x07ok\x1b]8;;https://x\x1b\\l\x1b[K\n"),
  ).toBe("red okl\n");
  expect(plainOutput("10%\r50%\r100%\ndone\r\nend\r")).toBe("100%\ndone\nend");
  expect(plainOutput("a\x00\x08b\tc\x7f\x9b")).toBe("ab\tc");
  expect(plainOutput("cut \x1b")).toBe("cut ");
});

test("long blocks are folded, short ones are not, long lines are cut", () => {
  const lines = (n: number) => Array.from({ length: n }, (_, at) => `l${at}`).join("\n");
  expect(fold(`${lines(12)}\n\n`).hidden).toBe(0);
  const folded = fold(lines(100));
  expect(folded.hidden).toBe(100 - HEAD_LINES - TAIL_LINES);
  expect(folded.head.startsWith("l0\n")).toBe(true);
  expect(folded.tail.endsWith("l99")).toBe(true);
  expect(fold("x".repeat(10_000)).head.length).toBe(LINE_MAX + 1);
});

test("nothing turns the order of letters around", () => {
  expect(upright("a\u202eb\u2066c مرحبا")).toBe("abc مرحبا");
});
