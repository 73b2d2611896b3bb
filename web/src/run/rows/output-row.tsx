import { SquareTerminal } from "lucide-react";
import { useMemo, useState } from "react";
import { run as words } from "../../strings/run";
import { Button, cn } from "../../ui";
import { isTrimmed, numberOf, outputText, type RunEvent, textOf } from "../event";
import { fold, plainOutput } from "../plain-output";
import { Faint, Line } from "./parts";

/** What one unfolded block draws; more is read under Output. */
const UNFOLDED_MAX = 128 * 1024;

interface OutputRowProps {
  events: readonly RunEvent[];
  onOpenOutput: (event: RunEvent) => void;
}

/** A block of what a program printed. */
export function OutputRow({ events, onOpenOutput }: OutputRowProps) {
  const [open, setOpen] = useState(false);
  const text = useMemo(() => plainOutput(events.map(outputText).join("")), [events]);
  const folded = useMemo(() => fold(text), [text]);
  const first = events[0];
  if (!first) return null;
  const cut = events.some(isTrimmed) || text.length > UNFOLDED_MAX;
  const cutLines = events.reduce((sum, event) => sum + (numberOf(event, "cut") ?? 0), 0);
  const stream = textOf(first, "stream");
  return (
    <Line
      icon={SquareTerminal}
      tone="faint"
      more={
        <div className="flex flex-col items-start gap-1">
          <Block
            text={open ? text.slice(0, UNFOLDED_MAX) : folded.head}
            error={stream === "stderr"}
            scroll={open}
          />
          {!open && folded.hidden > 0 && (
            <>
              <Button size="sm" variant="ghost" onClick={() => setOpen(true)}>
                {words.row.moreLines(folded.hidden)}
              </Button>
              <Block text={folded.tail} error={stream === "stderr"} />
            </>
          )}
          {open && (
            <Button size="sm" variant="ghost" onClick={() => setOpen(false)}>
              {words.row.fewerLines}
            </Button>
          )}
          {cut && (
            <p className="flex flex-wrap items-center gap-x-2 text-sm text-faint">
              {words.row.cutLines(cutLines)}
              <Button size="sm" variant="ghost" onClick={() => onOpenOutput(first)}>
                {words.row.openOutput}
              </Button>
            </p>
          )}
        </div>
      }
    >
      <Faint>{words.row.output(textOf(first, "step"), stream)}</Faint>
    </Line>
  );
}

function Block({
  text,
  error,
  scroll = false,
}: {
  text: string;
  error: boolean;
  scroll?: boolean;
}) {
  if (text === "") return null;
  const look = cn(
    "m-0 w-full whitespace-pre-wrap rounded-sm border-l-2 bg-canvas px-2 py-1 font-mono text-xs text-ink",
    error ? "border-warn" : "border-line",
  );
  if (!scroll) return <pre className={look}>{text}</pre>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys.
    <pre tabIndex={0} className={cn(look, "max-h-[70vh] overflow-auto")}>
      {text}
    </pre>
  );
}
