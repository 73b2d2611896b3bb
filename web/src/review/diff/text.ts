import { LINE_CHARS_SHOWN } from "./bounds";
import { CHANGE_MASK, type Change, type Diff } from "./types";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
/** A character of a string takes three bytes of UTF-8 at most. */
const BYTES_PER_CHAR = 3;

export interface LineText {
  text: string;
  /** Bytes of the line that are not shown. */
  cutBytes: number;
}

/** A line's text up to `chars`; bytes that are no UTF-8 become U+FFFD. */
export function lineText(diff: Diff, line: number, chars = LINE_CHARS_SHOWN): LineText {
  const from = diff.lines.from[line] ?? 0;
  const to = diff.lines.to[line] ?? from;
  if (to - from <= chars)
    return { text: decoder.decode(diff.bytes.subarray(from, to)), cutBytes: 0 };
  const taken = Math.min(to, from + chars * BYTES_PER_CHAR);
  const text = decoder.decode(diff.bytes.subarray(from, taken));
  if (taken === to && text.length <= chars) return { text, cutBytes: 0 };
  const kept = text.slice(0, endsInside(text, chars) ? chars - 1 : chars);
  return { text: kept, cutBytes: to - from - byteLength(kept) };
}

export function lineBytes(diff: Diff, line: number): number {
  return (diff.lines.to[line] ?? 0) - (diff.lines.from[line] ?? 0);
}

export function changeOf(diff: Diff, line: number): Change {
  return ((diff.lines.flags[line] ?? 0) & CHANGE_MASK) as Change;
}

export function hasFlag(diff: Diff, line: number, flag: number): boolean {
  return ((diff.lines.flags[line] ?? 0) & flag) !== 0;
}

function endsInside(text: string, at: number): boolean {
  const code = text.charCodeAt(at - 1);
  return code >= 0xd800 && code < 0xdc00;
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
