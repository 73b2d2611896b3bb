import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

/** WCAG 2.2, 1.4.3 for text of this size and 1.4.11 for the edges of controls. */
const TEXT = 4.5;
const EDGE = 3;

const css = readFileSync(new URL("./tokens.css", import.meta.url), "utf8");

function block(selector: string): Map<string, string> {
  const start = css.indexOf(`${selector} {`);
  expect(start, selector).toBeGreaterThanOrEqual(0);
  const body = css.slice(css.indexOf("{", start) + 1, css.indexOf("}", start));
  return new Map(
    [...body.matchAll(/--([\w-]+):\s*([^;]+);/g)].map(([, name, value]) => [
      name ?? "",
      value ?? "",
    ]),
  );
}

const light = block('[data-theme="light"]');
const dark = block('[data-theme="dark"]');
const system = block(':root:not([data-theme="light"])');

/** Relative luminance, after WCAG. */
function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * (r ?? 0) + 0.7152 * (g ?? 0) + 0.0722 * (b ?? 0);
}

function contrast(theme: Map<string, string>, one: string, two: string): number {
  const [high = 0, low = 0] = [one, two]
    .map((name) => luminance(theme.get(name) ?? `no token ${name}`))
    .sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}

const GROUNDS = ["canvas", "surface", "raised", "hover"];
const TONES = ["ok", "warn", "danger", "info", "neutral", "accent"];

const pairs: [string, string, number][] = [
  ...GROUNDS.flatMap((ground): [string, string, number][] => [
    ["ink", ground, TEXT],
    ["muted", ground, TEXT],
    ["faint", ground, TEXT],
    ...TONES.map((tone): [string, string, number] => [`${tone}-ink`, ground, TEXT]),
    ...TONES.map((tone): [string, string, number] => [tone, ground, EDGE]),
    ["strong", ground, EDGE],
  ]),
  ...TONES.flatMap((tone): [string, string, number][] => [
    [`${tone}-ink`, `${tone}-soft`, TEXT],
    ["ink", `${tone}-soft`, TEXT],
    ["muted", `${tone}-soft`, TEXT],
  ]),
  ["on-accent", "accent", TEXT],
  ["on-accent", "accent-hover", TEXT],
  ["on-danger", "danger", TEXT],
  ["on-danger", "danger-hover", TEXT],
  // A tooltip is the other way round.
  ["canvas", "ink", TEXT],
  // The thumb of a switch that is off.
  ["on-accent", "neutral", EDGE],
];

describe.each([
  ["light", light],
  ["dark", dark],
] as const)("the %s theme", (_, theme) => {
  it.each(pairs)("%s on %s has at least %d to 1", (one, two, least) => {
    expect(contrast(theme, one, two)).toBeGreaterThanOrEqual(least);
  });
});

describe("tokens.css", () => {
  it("gives the same dark to those who let the system decide", () => {
    expect([...system]).toEqual([...dark]);
  });
  it("names the same colours in both themes", () => {
    expect([...dark.keys()]).toEqual([...light.keys()]);
  });
});
