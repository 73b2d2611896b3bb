// Cells of a terminal as runs of text with a look. Colours of the sixteen named ones become the
// theme's; all others are kept, and moved until they can be read on what they stand on.

export interface Look {
  color?: string;
  background?: string;
  bold?: boolean;
  dim?: boolean;
  italic?: boolean;
  underline?: boolean;
  strike?: boolean;
}

export interface Span {
  text: string;
  look: Look | null;
}

/** What is read of a cell: the part of xterm's IBufferCell that matters here. */
export interface Cell {
  getWidth(): number;
  getChars(): string;
  getFgColor(): number;
  getBgColor(): number;
  isFgRGB(): boolean;
  isBgRGB(): boolean;
  isFgPalette(): boolean;
  isBgPalette(): boolean;
  isBold(): number;
  isDim(): number;
  isItalic(): number;
  isUnderline(): number;
  isInverse(): number;
  isInvisible(): number;
  isStrikethrough(): number;
}

type Rgb = readonly [number, number, number];

/** The sixteen as text on the theme's own ground. */
const NAMED = [
  "var(--faint)",
  "var(--danger-ink)",
  "var(--ok-ink)",
  "var(--warn-ink)",
  "var(--info-ink)",
  "var(--accent-ink)",
  "light-dark(#0b6570, #62cdd9)",
  "var(--muted)",
] as const;

/** The sixteen as grounds, in the middle between themes. */
const GROUNDS: readonly Rgb[] = [
  [30, 30, 36],
  [196, 43, 54],
  [26, 127, 70],
  [168, 100, 0],
  [31, 111, 191],
  [126, 87, 194],
  [14, 124, 137],
  [200, 200, 208],
  [90, 90, 100],
  [226, 90, 98],
  [63, 178, 111],
  [217, 150, 47],
  [78, 155, 230],
  [160, 130, 220],
  [70, 180, 195],
  [255, 255, 255],
];

const LIGHT: Rgb = [255, 255, 255];
const DARK: Rgb = [24, 24, 28];
const BLACK: Rgb = [0, 0, 0];

/** Colour 16 to 255 of the palette: a cube of six steps, then greys. */
export function paletteRgb(index: number): Rgb {
  if (index < 16) return GROUNDS[index] ?? BLACK;
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return [grey, grey, grey];
  }
  const level = (step: number) => (step === 0 ? 0 : 55 + step * 40);
  const cube = index - 16;
  return [level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6)];
}

function luminance([red, green, blue]: Rgb): number {
  const linear = (part: number) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

export function contrast(one: Rgb, two: Rgb): number {
  const [high, low] = [luminance(one), luminance(two)].sort((a, b) => b - a) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

/** WCAG AA for text of this size. */
const ENOUGH = 4.5;

/** The colour, moved towards black or white until it can be read on the ground. */
export function legible(text: Rgb, ground: Rgb): Rgb {
  const goal = luminance(ground) > 0.18 ? BLACK : LIGHT;
  for (let part = 0; part <= 1; part += 0.125) {
    const mixed = text.map((own, at) => Math.round(own + ((goal[at] as number) - own) * part));
    const moved = mixed as unknown as Rgb;
    if (contrast(moved, ground) >= ENOUGH) return moved;
  }
  return goal;
}

function css([red, green, blue]: Rgb): string {
  return `rgb(${red} ${green} ${blue})`;
}

function rgbOf(color: number): Rgb {
  return [(color >> 16) & 255, (color >> 8) & 255, color & 255];
}

function colour(isRgb: boolean, isPalette: boolean, value: number): number | Rgb | null {
  if (isRgb) return rgbOf(value);
  return isPalette ? value : null;
}

const same = (value: number | Rgb): Rgb => (typeof value === "number" ? paletteRgb(value) : value);

function paint(cell: Cell): Look {
  let text = colour(cell.isFgRGB(), cell.isFgPalette(), cell.getFgColor());
  let ground = colour(cell.isBgRGB(), cell.isBgPalette(), cell.getBgColor());
  if (cell.isInverse()) {
    if (text === null && ground === null)
      return { color: "var(--surface)", background: "var(--ink)" };
    [text, ground] = [ground ?? LIGHT, text ?? BLACK];
  }
  if (ground !== null) {
    const under = same(ground);
    return {
      color: css(legible(text === null ? under : same(text), under)),
      background: css(under),
    };
  }
  if (text === null) return {};
  if (typeof text === "number" && text < 16) {
    return { color: text === 15 ? "var(--ink)" : (NAMED[text % 8] as string) };
  }
  const own = same(text);
  return { color: `light-dark(${css(legible(own, LIGHT))}, ${css(legible(own, DARK))})` };
}

function lookOf(cell: Cell): Look | null {
  const look = paint(cell);
  if (cell.isBold()) look.bold = true;
  // Dim on top of a colour that is just legible would not be.
  if (cell.isDim() && look.color === undefined) look.dim = true;
  if (cell.isItalic()) look.italic = true;
  if (cell.isUnderline()) look.underline = true;
  if (cell.isStrikethrough()) look.strike = true;
  return Object.keys(look).length === 0 ? null : look;
}

function isSame(one: Look | null, two: Look | null): boolean {
  if (one === null || two === null) return one === two;
  return (
    one.color === two.color &&
    one.background === two.background &&
    one.bold === two.bold &&
    one.dim === two.dim &&
    one.italic === two.italic &&
    one.underline === two.underline &&
    one.strike === two.strike
  );
}

/** The cells of one line, without the blanks at its end. */
export function spansOf(cells: Iterable<Cell>): Span[] {
  const spans: Span[] = [];
  for (const cell of cells) {
    // The right half of a wide character is a cell of no width.
    if (cell.getWidth() === 0) continue;
    const chars = cell.isInvisible() ? " " : cell.getChars() || " ";
    const look = lookOf(cell);
    const last = spans.at(-1);
    if (last && isSame(last.look, look)) last.text += chars;
    else spans.push({ text: chars, look });
  }
  const last = spans.at(-1);
  if (last && !last.look?.background) {
    last.text = last.text.trimEnd();
    if (last.text === "") spans.pop();
  }
  return spans;
}
