/** From lines of the diff to what a comment stands on, and back. Pure. */

import { changeOf, lineText } from "./diff/text";
import { ADDED, CONTEXT, type Diff, type FileDiff, REMOVED } from "./diff/types";
import { type Anchor, type Draft, QUOTE_CHARS, QUOTE_LINES, type Side } from "./drafts";

/** Lines of the index, both included, in one hunk. */
export interface Selection {
  file: FileDiff;
  first: number;
  last: number;
}

/** A selection between two lines; cut to the hunk of the first. */
export function selectionOf(file: FileDiff, from: number, to: number): Selection {
  const hunk = file.hunks.find((one) => from >= one.first && from < one.end);
  const low = Math.max(Math.min(from, to), hunk?.first ?? from);
  const high = Math.min(Math.max(from, to), (hunk?.end ?? from + 1) - 1);
  return { file, first: low, last: high };
}

/** The new side; the old one where lines are removed and none is added. */
export function anchorOf(diff: Diff, { file, first, last }: Selection, commit: string): Anchor {
  const lines = Array.from({ length: last - first + 1 }, (_, at) => first + at);
  const changes = new Set(lines.map((line) => changeOf(diff, line)));
  const side: Side = changes.has(REMOVED) && !changes.has(ADDED) ? "old" : "new";
  const numbers = side === "old" ? diff.lines.oldNumber : diff.lines.newNumber;
  const own = lines.map((line) => numbers[line] ?? 0).filter((number) => number > 0);
  return {
    path: side === "old" ? (file.oldPath ?? file.path) : file.path,
    side,
    from: own[0] ?? 0,
    to: own.at(-1) ?? 0,
    quote: quoteOf(diff, lines),
    commit,
  };
}

function quoteOf(diff: Diff, lines: readonly number[]): string[] {
  const quote = lines.slice(0, QUOTE_LINES).map((line) => {
    const change = changeOf(diff, line);
    const marker = change === ADDED ? "+" : change === REMOVED ? "-" : " ";
    return marker + lineText(diff, line, QUOTE_CHARS).text;
  });
  return lines.length > QUOTE_LINES ? [...quote, "…"] : quote;
}

/** The line below which a comment is shown; -1 where this diff has none for it. */
export function lineOfDraft(diff: Diff, file: FileDiff, draft: Draft): number {
  const numbers = draft.side === "old" ? diff.lines.oldNumber : diff.lines.newNumber;
  for (const hunk of file.hunks) {
    const start = draft.side === "old" ? hunk.oldStart : hunk.newStart;
    const length = draft.side === "old" ? hunk.oldLines : hunk.newLines;
    if (draft.to < start || draft.to >= start + length) continue;
    for (let line = hunk.first; line < hunk.end; line++) {
      if (numbers[line] !== draft.to) continue;
      const change = changeOf(diff, line);
      if (change !== CONTEXT || draft.side === "new") return line;
    }
  }
  return -1;
}

/** The file that a comment is on. */
export function isOn(file: FileDiff, draft: Draft): boolean {
  return file.path === draft.path || (draft.side === "old" && file.oldPath === draft.path);
}

/** Comments of this commit by file and line; the others stand in the message only. */
export function placeDrafts(
  diff: Diff,
  drafts: readonly Draft[],
  commit: string,
): Map<number, Map<number, Draft[]>> {
  const placed = new Map<number, Map<number, Draft[]>>();
  for (const draft of drafts) {
    if (draft.commit !== commit) continue;
    for (const file of diff.files) {
      const line = isOn(file, draft) ? lineOfDraft(diff, file, draft) : -1;
      if (line < 0) continue;
      const lines = placed.get(file.index) ?? new Map<number, Draft[]>();
      lines.set(line, [...(lines.get(line) ?? []), draft]);
      placed.set(file.index, lines);
      break;
    }
  }
  return placed;
}
