import { Info, TriangleAlert } from "lucide-react";
import { review } from "../../strings/review";
import { Button } from "../../ui";
import type { Note } from "../diff/rows";
import type { FileDiff, Hunk } from "../diff/types";
import { useDiffContext } from "../diff-context";
import { Cell } from "./cell";

const CELL = "px-3 py-1 font-sans text-sm";

/** Where a part of the file begins, and what was left out before it. */
export function HunkRow({ hunk, hiddenLines }: { hunk: Hunk; hiddenLines: number }) {
  const range = `@@ -${hunk.oldStart},${hunk.oldLines} +${hunk.newStart},${hunk.newLines} @@`;
  return (
    <Cell className="flex flex-wrap gap-x-3 bg-neutral-soft px-3 py-0.5 text-xs text-neutral-ink">
      <span className="font-mono">{range}</span>
      {hunk.section !== "" && <span className="min-w-0 truncate font-mono">{hunk.section}</span>}
      {hiddenLines > 0 && <span className="ml-auto">{review.diff.hidden(hiddenLines)}</span>}
    </Cell>
  );
}

export function NoteRow({ file, note }: { file: FileDiff; note: Note }) {
  const { commit } = useDiffContext();
  const warns =
    note === "problem" || note === "hidden" || note === "symlink" || note === "submodule";
  const Icon = warns ? TriangleAlert : Info;
  return (
    <Cell
      className={`flex items-start gap-2 ${CELL} ${warns ? "bg-warn-soft text-warn-ink" : "bg-surface text-muted"}`}
    >
      <Icon aria-hidden className="mt-0.5 size-4 shrink-0" />
      <span className="min-w-0">{noteText(file, note, commit)}</span>
    </Cell>
  );
}

function noteText(file: FileDiff, note: Note, commit: string): string {
  const words = review.diff;
  switch (note) {
    case "binary":
      return `${words.note.binary} ${words.sizes(file.binary?.oldSize ?? null, file.binary?.newSize ?? null)}`;
    case "mode": {
      const told = words.mode(file.oldMode ?? "", file.newMode ?? "");
      return file.newMode?.endsWith("755") ? `${told} ${words.executable}` : told;
    }
    case "hidden":
      return words.hiddenChars(file.hidden);
    case "problem":
      return `${words.problem[file.problem ?? ""] ?? words.problem.bad_hunk} ${words.problemNext(commit)}`;
    default:
      return words.note[note];
  }
}

export function MoreRow({ file, lines }: { file: FileDiff; lines: number }) {
  const { view } = useDiffContext();
  return (
    <Cell className={`flex flex-wrap items-center gap-3 bg-surface ${CELL}`}>
      <span className="text-muted">{review.diff.moreAll(lines)}</span>
      <Button size="sm" onClick={() => view.showMore(file)}>
        {review.diff.more(Math.min(lines, 6_000))}
      </Button>
    </Cell>
  );
}
