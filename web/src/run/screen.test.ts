import { expect, test } from "vitest";
import { LINES_MAX, Screen } from "./screen";
import { contrast, legible, paletteRgb } from "./spans";

async function shown(
  ...pieces: (string | Uint8Array)[]
): Promise<{ screen: Screen; lines: string[] }> {
  const screen = new Screen();
  for (const piece of pieces) await screen.write(piece);
  const count = screen.refresh();
  return { screen, lines: Array.from({ length: count }, (_, at) => screen.text(at)) };
}

test("a carriage return writes over, the cursor moves up, tabs and line feeds are right", async () => {
  const { lines } = await shown("10%\r50%\r100%\n", "a\nb\nc\x1b[2A\x1b[1GX\n\n", "\n\tt");
  expect(lines).toEqual(["100%", "X", "b", "c", "        t"]);
});

test("what is cut between two pieces is put together", async () => {
  const euro = new TextEncoder().encode("€");
  const { lines } = await shown("\x1b[3", "1mred", euro.slice(0, 1), euro.slice(1));
  expect(lines).toEqual(["red€"]);
});

test("looks: named colours are the theme's, others are kept and legible, reset resets", async () => {
  const { screen } = await shown(
    "\x1b[31mr\x1b[1mb\x1b[0mp\x1b[38;5;208mo\x1b[0m\x1b[38;2;1;2;3mx\x1b[0m \x1b[7minv\x1b[0m\x1b[44mg\x1b[0m",
  );
  const spans = screen.line(0);
  expect(spans.map((span) => span.text)).toEqual(["r", "b", "p", "o", "x", " ", "inv", "g"]);
  expect(spans[0]?.look).toEqual({ color: "var(--danger-ink)" });
  expect(spans[1]?.look).toEqual({ color: "var(--danger-ink)", bold: true });
  expect(spans[2]?.look).toBeNull();
  expect(spans[3]?.look?.color).toContain("light-dark(");
  expect(spans[6]?.look?.background).toBe("var(--ink)");
  expect(spans[7]?.look?.background).toBe("rgb(31 111 191)");
});

test("everything else is inert: titles, links, clipboards, questions, markup", async () => {
  const { screen, lines } = await shown(
    "\x1b]0;owned\x07\x1b]8;;https://evil.example\x07link\x1b]8;;\x07\x1b]52;c;AAAA\x07\x1b[6n<img src=x>",
  );
  expect(lines).toEqual(["link<img src=x>"]);
  // xterm underlines what was a link; it leads nowhere.
  expect(screen.line(0)).toEqual([
    { text: "link", look: { underline: true } },
    { text: "<img src=x>", look: null },
  ]);
});

test("long lines are one, wide characters are whole, only the last lines are kept", async () => {
  const { lines } = await shown(`${"x".repeat(600)}\n漢字!\n`);
  expect(lines.map((line) => line.length)).toEqual([600, 3]);
  const many = await shown("line\n".repeat(LINES_MAX + 500));
  expect(many.lines.length).toBeGreaterThanOrEqual(LINES_MAX);
  expect(many.lines.length).toBeLessThan(LINES_MAX + 100);
}, 20_000);

test("any colour can be read on both grounds", () => {
  for (let index = 0; index < 256; index++) {
    for (const ground of [
      [255, 255, 255],
      [24, 24, 28],
      [31, 111, 191],
    ] as const) {
      expect(contrast(legible(paletteRgb(index), ground), ground)).toBeGreaterThanOrEqual(4.5);
    }
  }
});
