import { FILE_LINES_SHOWN } from "./bounds";
import { changeOf } from "./text";
import { ADDED, CONTEXT, type Diff, type FileDiff, type Hunk, REMOVED } from "./types";

export type Layout = "unified" | "split";

/** One row of the list. Lines are numbers in the diff's index; -1 is an empty half. */
export type Row =
  | { kind: "file"; file: FileDiff }
  | { kind: "note"; file: FileDiff; note: Note }
  | { kind: "hunk"; file: FileDiff; hunk: Hunk; hiddenLines: number }
  | { kind: "line"; file: FileDiff; line: number; pair: number }
  | { kind: "split"; file: FileDiff; left: number; right: number }
  | { kind: "comment"; file: FileDiff; line: number }
  | { kind: "more"; file: FileDiff; lines: number };

/** What is said of a file besides, or instead of, its lines. */
export type Note =
  | "binary"
  | "unchanged"
  | "empty"
  | "mode"
  | "submodule"
  | "symlink"
  | "hidden"
  | "problem";

export interface FileRowsOptions {
  layout: Layout;
  /** Lines that are shown before "more". */
  shown: number;
  /** Lines below which a comment stands or is being written. */
  commented: ReadonlySet<number>;
}

/** The rows of an open file, its header first. */
export function fileRows(diff: Diff, file: FileDiff, options: FileRowsOptions): Row[] {
  const rows: Row[] = [{ kind: "file", file }];
  for (const note of notesOf(file)) rows.push({ kind: "note", file, note });
  let left = options.shown;
  let reached = 0;
  for (const hunk of file.hunks) {
    const lines = hunk.end - hunk.first;
    if (left <= 0) {
      rows.push({ kind: "more", file, lines: lineCount(file) - options.shown });
      return rows;
    }
    rows.push({ kind: "hunk", file, hunk, hiddenLines: Math.max(0, hunk.oldStart - reached - 1) });
    reached = hunk.oldStart + Math.max(hunk.oldLines - 1, 0);
    pushLines(rows, diff, file, hunk.first, hunk.first + Math.min(lines, left), options);
    left -= lines;
  }
  if (left < 0) rows.push({ kind: "more", file, lines: -left });
  return rows;
}

/** Lines of all hunks. */
export function lineCount(file: FileDiff): number {
  return file.hunks.reduce((all, hunk) => all + hunk.end - hunk.first, 0);
}

/** Whether more is there than is shown without asking. */
export function isLong(file: FileDiff): boolean {
  return lineCount(file) > FILE_LINES_SHOWN;
}

export function notesOf(file: FileDiff): Note[] {
  const notes: Note[] = [];
  if (file.problem) notes.push("problem");
  if (file.hidden > 0) notes.push("hidden");
  if (file.kind !== "file") notes.push(file.kind);
  if (file.oldMode && file.newMode && file.oldMode !== file.newMode) notes.push("mode");
  if (file.binary) notes.push("binary");
  else if (file.hunks.length === 0 && notes.length === 0) {
    notes.push(file.status === "renamed" || file.status === "copied" ? "unchanged" : "empty");
  }
  return notes;
}

type Block = { removed: [number, number]; added: [number, number] };

function pushLines(
  rows: Row[],
  diff: Diff,
  file: FileDiff,
  from: number,
  to: number,
  options: FileRowsOptions,
): void {
  const put = options.layout === "split" ? putSplit : putUnified;
  for (let line = from; line < to; ) {
    if (changeOf(diff, line) === CONTEXT) {
      put(rows, file, { removed: [line, line + 1], added: [line, line + 1] }, options, true);
      line++;
      continue;
    }
    const middle = runOf(diff, line, to, REMOVED);
    const end = runOf(diff, middle, to, ADDED);
    put(rows, file, { removed: [line, middle], added: [middle, end] }, options, false);
    line = end;
  }
}

function runOf(diff: Diff, from: number, to: number, change: number): number {
  let end = from;
  while (end < to && changeOf(diff, end) === change) end++;
  return end;
}

type Put = (
  rows: Row[],
  file: FileDiff,
  block: Block,
  options: FileRowsOptions,
  same: boolean,
) => void;

const putUnified: Put = (rows, file, { removed, added }, { commented }, same) => {
  const line = (at: number, pair: number) => {
    rows.push({ kind: "line", file, line: at, pair });
    if (commented.has(at)) rows.push({ kind: "comment", file, line: at });
  };
  if (same) {
    line(removed[0], -1);
    return;
  }
  const shift = added[0] - removed[0];
  for (let at = removed[0]; at < removed[1]; at++)
    line(at, at + shift < added[1] ? at + shift : -1);
  for (let at = added[0]; at < added[1]; at++) line(at, at - shift < removed[1] ? at - shift : -1);
};

const putSplit: Put = (rows, file, { removed, added }, { commented }, same) => {
  const height = Math.max(removed[1] - removed[0], added[1] - added[0]);
  for (let at = 0; at < height; at++) {
    const left = removed[0] + at < removed[1] ? removed[0] + at : -1;
    const right = added[0] + at < added[1] ? added[0] + at : -1;
    rows.push({ kind: "split", file, left, right });
    if (left >= 0 && commented.has(left)) rows.push({ kind: "comment", file, line: left });
    if (right >= 0 && !same && commented.has(right))
      rows.push({ kind: "comment", file, line: right });
  }
};
