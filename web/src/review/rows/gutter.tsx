import type { PointerEvent } from "react";
import { review } from "../../strings/review";
import { cn } from "../../ui";
import { changeOf } from "../diff/text";
import { type FileDiff, REMOVED } from "../diff/types";
import { useDiffContext } from "../diff-context";

/** The line under a pointer that was pressed on another one. */
function lineAt(event: PointerEvent): number | null {
  const under = document.elementFromPoint(event.clientX, event.clientY);
  const found = under?.closest<HTMLElement>("[data-line]")?.dataset.line;
  return found === undefined ? null : Number(found);
}

/** A line's number, which begins a comment: pressed, dragged over lines, or with Shift to here. */
export function Gutter({
  file,
  line,
  number,
  className,
}: {
  file: FileDiff;
  line: number;
  number: number;
  className?: string;
}) {
  const { diff, view, comment } = useDiffContext();
  if (line < 0 || number === 0) {
    return <span className={cn("w-10 shrink-0 max-sm:w-8", className)} />;
  }
  const old = changeOf(diff, line) === REMOVED;
  const where = old ? review.diff.oldLine(number) : review.diff.newLine(number);

  function drag(event: PointerEvent<HTMLButtonElement>) {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const to = lineAt(event);
    if (to !== null) view.select(file, line, to);
  }

  function release(event: PointerEvent<HTMLButtonElement>) {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    event.currentTarget.releasePointerCapture(event.pointerId);
    const to = lineAt(event) ?? line;
    if (to !== line) comment(file, line, to);
  }

  return (
    <button
      type="button"
      tabIndex={-1}
      aria-label={review.diff.comment(where)}
      title={review.diff.comment(where)}
      onPointerDown={(event) => {
        if (event.button === 0 && event.pointerType === "mouse") {
          event.currentTarget.setPointerCapture(event.pointerId);
        }
      }}
      onPointerMove={drag}
      onPointerUp={release}
      onClick={(event) => {
        const from = event.shiftKey && view.selection?.file === file ? view.selection.first : line;
        comment(file, from, line);
      }}
      className={cn(
        "flex w-10 shrink-0 items-start justify-end pr-1.5 text-muted tabular-nums select-none group-hover/line:bg-accent-soft group-hover/line:text-accent-ink hover:bg-accent hover:text-on-accent max-sm:w-8 max-sm:pr-1",
        className,
      )}
    >
      {number}
    </button>
  );
}
