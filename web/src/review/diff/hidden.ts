// Characters that a reader does not see, or that turn the order in which a line is read: a change
// can look harmless and be another one. https://trojansource.codes, Unicode TR 36 and 39.

/** Ranges of code points, both ends included. Tab, and line ends, which lines do not hold, are left out. */
const RANGES: readonly (readonly [number, number])[] = [
  [0x00, 0x08],
  [0x0a, 0x1f],
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x115f, 0x1160],
  [0x17b4, 0x17b5],
  [0x180b, 0x180f],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0x3164, 0x3164],
  [0xfe00, 0xfe0d],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff0, 0xfffb],
  [0xe0000, 0xe0fff],
];

const JOINER = 0x200d;

/** Whether a code point is one of them. Emoji are joined by U+200D: that is what `before` is for. */
export function isHidden(point: number, before = 0): boolean {
  if (point >= 0x20 && point < 0x7f) return false;
  if (point === JOINER && (before >= 0x1f000 || before === 0xfe0f || isSymbol(before)))
    return false;
  return RANGES.some(([first, last]) => point >= first && point <= last);
}

function isSymbol(point: number): boolean {
  return point >= 0x2600 && point <= 0x27bf;
}

/** Whether a line's UTF-8 bytes hold one. Malformed bytes are not: they are shown as a replacement. */
export function hasHidden(bytes: Uint8Array, from: number, to: number): boolean {
  let before = 0;
  for (let at = from; at < to; ) {
    const first = bytes[at] as number;
    if (first >= 0x20 && first < 0x7f) {
      before = first;
      at++;
      continue;
    }
    const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    const point = decode(bytes, at, length, to);
    if (point !== 0x09 && point >= 0 && isHidden(point, before)) return true;
    before = point;
    at += point < 0 ? 1 : length;
  }
  return false;
}

const LEAD_BITS = [0, 0x7f, 0x1f, 0x0f, 0x07];

function decode(bytes: Uint8Array, at: number, length: number, to: number): number {
  const first = bytes[at] as number;
  if (length === 1) return first;
  if (first < 0xc2 || at + length > to) return -1;
  let point = first & (LEAD_BITS[length] as number);
  for (let next = at + 1; next < at + length; next++) {
    const byte = bytes[next] as number;
    if ((byte & 0xc0) !== 0x80) return -1;
    point = (point << 6) | (byte & 0x3f);
  }
  return point;
}

/** A piece of a line: plain text, or one character that is shown by its name. */
export type Piece = { text: string; hidden: false } | { text: string; hidden: true; name: string };

/** `U+202E` */
export function pointName(point: number): string {
  return `U+${point.toString(16).toUpperCase().padStart(4, "0")}`;
}

/** Cuts a text at its hidden characters. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let plain = 0;
  let before = 0;
  for (let at = 0; at < text.length; ) {
    const point = text.codePointAt(at) as number;
    const length = point > 0xffff ? 2 : 1;
    if (point !== 0x09 && isHidden(point, before)) {
      if (at > plain) found.push({ text: text.slice(plain, at), hidden: false });
      found.push({ text: text.slice(at, at + length), hidden: true, name: pointName(point) });
      plain = at + length;
    }
    before = point;
    at += length;
  }
  if (plain < text.length) found.push({ text: text.slice(plain), hidden: false });
  return found;
}
