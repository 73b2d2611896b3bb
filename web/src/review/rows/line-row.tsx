import { cn } from "../../ui";
import { changeOf } from "../diff/text";
import { ADDED, type FileDiff, REMOVED } from "../diff/types";
import { useDiffContext } from "../diff-context";
import { Cell } from "./cell";
import { Gutter } from "./gutter";
import { LineCode } from "./line-code";

const GROUND = { 0: "bg-surface", 1: "diff-added", 2: "diff-removed" } as const;

function useSelected(file: FileDiff, line: number): boolean {
  const { selection, editing } = useDiffContext().view;
  const chosen = editing?.selection ?? selection;
  return chosen?.file === file && line >= chosen.first && line <= chosen.last;
}

/** Both sides in one column. */
export function LineRow({ file, line, pair }: { file: FileDiff; line: number; pair: number }) {
  const { diff } = useDiffContext();
  const change = changeOf(diff, line);
  const selected = useSelected(file, line);
  return (
    <Cell
      data-line={line}
      className={cn(
        "group/line flex font-mono text-sm/5",
        GROUND[change],
        selected && "diff-selected",
      )}
    >
      <Gutter
        file={file}
        line={change === ADDED ? -1 : line}
        number={diff.lines.oldNumber[line] ?? 0}
        className={change === REMOVED ? "" : "max-sm:hidden"}
      />
      <Gutter
        file={file}
        line={change === REMOVED ? -1 : line}
        number={diff.lines.newNumber[line] ?? 0}
        className={change === REMOVED ? "max-sm:hidden" : ""}
      />
      <LineCode file={file} line={line} pair={pair} />
    </Cell>
  );
}

/** The old side at the left, the new one at the right. */
export function SplitRow({ file, left, right }: { file: FileDiff; left: number; right: number }) {
  return (
    <>
      <Half file={file} line={left} pair={right} old />
      <Half file={file} line={right} pair={left} />
    </>
  );
}

function Half({
  file,
  line,
  pair,
  old = false,
}: {
  file: FileDiff;
  line: number;
  pair: number;
  old?: boolean;
}) {
  const { diff } = useDiffContext();
  const selected = useSelected(file, line);
  if (line < 0) {
    return <Cell className={cn("diff-empty w-1/2 bg-canvas", old && "border-line border-r")} />;
  }
  const change = changeOf(diff, line);
  const numbers = old ? diff.lines.oldNumber : diff.lines.newNumber;
  return (
    <Cell
      data-line={line}
      className={cn(
        "group/line flex w-1/2 min-w-0 font-mono text-sm/5",
        GROUND[change],
        old && "border-line border-r",
        selected && "diff-selected",
      )}
    >
      <Gutter file={file} line={line} number={numbers[line] ?? 0} />
      <LineCode file={file} line={line} pair={line === pair ? -1 : pair} />
    </Cell>
  );
}
