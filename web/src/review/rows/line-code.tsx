import { useMemo } from "react";
import { bytes } from "../../lib/text";
import { review } from "../../strings/review";
import { Button, cn } from "../../ui";
import { LINE_CHARS_MORE } from "../diff/bounds";
import { changeOf, hasFlag, lineText } from "../diff/text";
import { ADDED, CARRIAGE_RETURN, type FileDiff, NO_NEWLINE, REMOVED } from "../diff/types";
import { wordChange } from "../diff/words";
import { useDiffContext } from "../diff-context";
import { useColours } from "../use-colours";
import { CodeText } from "./code-text";

const SIDES = { 0: "context", 1: "added", 2: "removed" } as const;

/** One line's marker and text. `pair` is the line of the other side that it is compared with. */
export function LineCode({ file, line, pair }: { file: FileDiff; line: number; pair: number }) {
  const { diff, book, view } = useDiffContext();
  const colours = useColours(book, file);
  const change = changeOf(diff, line);
  const side = SIDES[change];
  const chars = view.charsOf(line);
  const { text, cutBytes } = useMemo(() => lineText(diff, line, chars), [diff, line, chars]);
  const marks = useMemo(() => {
    if (pair < 0 || change === 0) return undefined;
    const other = lineText(diff, pair).text;
    const found = change === REMOVED ? wordChange(text, other) : wordChange(other, text);
    return change === REMOVED ? found?.removed : found?.added;
  }, [diff, pair, change, text]);
  return (
    <>
      <span aria-hidden className="w-4 shrink-0 text-center text-muted select-none">
        {change === ADDED ? "+" : change === REMOVED ? "−" : ""}
      </span>
      <span className="diff-code min-w-0 flex-1 pr-2">
        {change !== 0 && (
          <span className="sr-only">{`${review.diff[side as "added" | "removed"]}: `}</span>
        )}
        <CodeText text={text} colours={colours?.get(line)} marks={marks} side={side} />
        {change !== 0 && hasFlag(diff, line, CARRIAGE_RETURN) && (
          <Remark title={review.diff.carriageTitle}>{review.diff.carriage}</Remark>
        )}
        {hasFlag(diff, line, NO_NEWLINE) && <Remark>{review.diff.noNewline}</Remark>}
        {cutBytes > 0 && <Cut line={line} left={cutBytes} all={chars === LINE_CHARS_MORE} />}
      </span>
    </>
  );
}

function Remark({ title, children }: { title?: string; children: string }) {
  return (
    <span
      title={title}
      className={cn(
        "ml-1.5 rounded-sm bg-neutral-soft px-1 font-sans text-xs text-neutral-ink select-none",
      )}
    >
      {children}
    </span>
  );
}

function Cut({ line, left, all }: { line: number; left: number; all: boolean }) {
  const { view } = useDiffContext();
  return (
    <span className="ml-1 inline-flex flex-wrap items-center gap-2 font-sans text-xs text-muted">
      {all ? review.diff.longLineEnd(left) : review.diff.longLine(left)}
      {!all && (
        <Button size="sm" title={bytes(left)} onClick={() => view.showLine(line)}>
          {review.diff.showLine}
        </Button>
      )}
    </span>
  );
}
