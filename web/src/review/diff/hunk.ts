import { hasHidden } from "./hidden";
import type { GrowingLines } from "./lines";
import {
  ADDED,
  CARRIAGE_RETURN,
  CONTEXT,
  type FileDiff,
  HIDDEN,
  type Hunk,
  REMOVED,
} from "./types";

const PLUS = 0x2b;
const MINUS = 0x2d;
const BLANK = 0x20;
const CR = 0x0d;

/** A hunk while its lines come in. */
export interface OpenHunk {
  hunk: Hunk;
  /** Columns of markers: one, or a merge's number of parents. */
  parents: number;
  /** Lines that are still to come: of each old side, then of the new one. */
  left: number[];
  oldNumber: number;
  newNumber: number;
}

const RANGE = /^(@@+) ((?:-\d+(?:,\d+)? )+)\+(\d+)(?:,(\d+))? \1(?: (.*))?$/s;

/** Reads `@@ -1,2 +1,3 @@ section`, also of merges. Null where it is none. */
export function openHunk(line: string, first: number): OpenHunk | null {
  const match = RANGE.exec(line);
  if (!match) return null;
  const [, marks = "", olds = "", start = "", count = "1", section = ""] = match;
  const sides = olds
    .trim()
    .split(" ")
    .map((side) => side.slice(1).split(",").map(Number));
  if (sides.length !== marks.length - 1) return null;
  const left = [...sides.map(([, lines = 1]) => lines), Number(count)];
  const oldStart = sides[0]?.[0] ?? 0;
  const numbers = [oldStart, Number(start), ...left];
  if (!numbers.every((number) => Number.isSafeInteger(number) && number < 2 ** 32)) return null;
  const hunk = {
    oldStart,
    oldLines: left[0] ?? 0,
    newStart: Number(start),
    newLines: Number(count),
    section,
    first,
    end: first,
  };
  return {
    hunk,
    parents: sides.length,
    left,
    oldNumber: oldStart,
    newNumber: Number(start),
  };
}

export function isFull(open: OpenHunk): boolean {
  return open.left.every((lines) => lines === 0);
}

/** Takes one line into the hunk; false where it is none of its lines. */
export function takeLine(
  open: OpenHunk,
  file: FileDiff,
  lines: GrowingLines,
  bytes: Uint8Array,
  from: number,
  to: number,
): boolean {
  const change =
    open.parents === 1 ? plainChange(open, bytes, from, to) : merged(open, bytes, from, to);
  if (change < 0) return false;
  // Mail programs strip the blank of an empty line.
  const begin = Math.min(from + open.parents, to);
  const carriage = to > begin && bytes[to - 1] === CR;
  const end = carriage ? to - 1 : to;
  let flags: number = change | (carriage ? CARRIAGE_RETURN : 0);
  if (change === ADDED && hasHidden(bytes, begin, end)) {
    flags |= HIDDEN;
    file.hidden++;
  }
  const oldNumber = change === ADDED ? 0 : open.oldNumber++;
  const newNumber = change === REMOVED ? 0 : open.newNumber++;
  lines.add(begin, end, oldNumber, newNumber, flags);
  if (change === ADDED) file.additions++;
  if (change === REMOVED) file.deletions++;
  open.hunk.end = lines.count;
  return true;
}

function plainChange(open: OpenHunk, bytes: Uint8Array, from: number, to: number): number {
  const marker = from < to ? (bytes[from] as number) : BLANK;
  const carriage = marker === CR && to === from + 1;
  if (marker === PLUS) return take(open, 0, 1, ADDED);
  if (marker === MINUS) return take(open, 1, 0, REMOVED);
  return marker === BLANK || carriage ? take(open, 1, 1, CONTEXT) : -1;
}

function take(open: OpenHunk, old: number, now: number, change: number): number {
  const { left } = open;
  const [oldLeft = 0, newLeft = 0] = left;
  if (oldLeft < old || newLeft < now) return -1;
  left[0] = oldLeft - old;
  left[1] = newLeft - now;
  return change;
}

/** A merge's line: a column per parent; a minus anywhere means that the result lacks the line. */
function merged(open: OpenHunk, bytes: Uint8Array, from: number, to: number): number {
  const { parents, left } = open;
  const marks = Array.from({ length: parents }, (_, at) =>
    from + at < to ? bytes[from + at] : BLANK,
  );
  if (!marks.every((mark) => mark === PLUS || mark === MINUS || mark === BLANK)) return -1;
  const removed = marks.includes(MINUS);
  const present = marks.map((mark) => mark === (removed ? MINUS : BLANK));
  const wanted = [...present, !removed];
  if (wanted.some((one, at) => one && left[at] === 0)) return -1;
  wanted.forEach((one, at) => {
    if (one) left[at] = (left[at] as number) - 1;
  });
  if (removed) return REMOVED;
  return marks.includes(PLUS) ? ADDED : CONTEXT;
}
