import { type ReactNode, useId, useState } from "react";
import type { Review } from "../api/types";
import { review as words } from "../strings/review";
import { Badge, Button, Callout, cn, Markdown, Time } from "../ui";
import { flagReason } from "./flags";

/** Longer texts begin folded: characters and lines of what is shown. */
const LONG_CHARS = 700;
const LONG_LINES = 10;
/** Flagged files that are named before the list. */
const FLAGGED_SHOWN = 8;

export function Panel({
  title,
  children,
  className,
}: {
  title: string;
  children: ReactNode;
  className?: string;
}) {
  const id = useId();
  return (
    <section
      aria-labelledby={id}
      className={cn(
        "flex min-w-0 flex-col gap-2 rounded-md border border-line bg-surface px-3 py-2.5",
        className,
      )}
    >
      <h2 id={id} className="text-sm font-semibold text-ink">
        {title}
      </h2>
      {children}
    </section>
  );
}

/** A text that someone wrote; a long one shows its beginning. */
function Long({ text }: { text: string }) {
  const [all, setAll] = useState(false);
  const long = text.length > LONG_CHARS || text.split("\n").length > LONG_LINES;
  return (
    <>
      <div
        className={cn("relative", long && !all && "max-h-48 overflow-hidden")}
        inert={long && !all ? true : undefined}
      >
        <Markdown text={text} />
        {long && !all && (
          <div className="pointer-events-none absolute inset-x-0 bottom-0 h-10 bg-linear-to-b from-transparent to-surface" />
        )}
      </div>
      {long && (
        <Button
          size="sm"
          variant="ghost"
          className="self-start"
          aria-expanded={all}
          onClick={() => setAll(!all)}
        >
          {all ? words.asked.less : words.asked.more}
        </Button>
      )}
    </>
  );
}

/** The card and every reply, in order. */
export function AskedPanel({ asked }: { asked: Review["asked"] }) {
  const text = words.asked;
  return (
    <Panel title={text.title}>
      <ol className="flex flex-col gap-3">
        {asked.map((one) => (
          <li key={`${one.at} ${one.kind}`} className="flex min-w-0 flex-col gap-1">
            <p className="flex flex-wrap items-center gap-2 text-xs text-muted">
              <Badge tone={one.kind === "reply" ? "accent" : "neutral"}>
                {one.kind === "reply" ? text.reply : text.card}
              </Badge>
              <span dir="auto">{one.by ?? text.nobody}</span>
              <Time at={one.at} />
            </p>
            <Long text={one.text} />
          </li>
        ))}
      </ol>
    </Panel>
  );
}

export function SummaryPanel({ summary }: { summary: string | null }) {
  const text = words.summary;
  return (
    <Panel title={text.title}>
      {summary?.trim() ? <Long text={summary} /> : <p className="text-muted">{text.none}</p>}
      {summary?.trim() && <p className="text-xs text-faint">{text.note}</p>}
    </Panel>
  );
}

/** What machines act on by themselves, before anything else of the change. */
export function FlaggedPanel({
  files,
  onOpen,
}: {
  files: Review["files"];
  onOpen: (path: string) => void;
}) {
  const flagged = files.filter((file) => file.flags.length > 0);
  if (flagged.length === 0) return null;
  const text = words.flags;
  const rest = flagged.length - FLAGGED_SHOWN;
  return (
    <section aria-label={text.title(flagged.length)}>
      <Callout tone="warn" title={text.title(flagged.length)}>
        <p className="text-sm">{text.body}</p>
        <ul className="mt-1.5 flex flex-col gap-1">
          {flagged.slice(0, FLAGGED_SHOWN).map((file) => (
            <li key={`${file.path} ${file.status}`} className="flex flex-wrap gap-x-2 text-sm">
              <button
                type="button"
                dir="ltr"
                onClick={() => onOpen(file.path)}
                className="text-left font-mono font-medium break-all underline underline-offset-2"
              >
                {file.path}
              </button>
              <span>{file.flags.map((flag) => flagReason(flag, file.path)).join("; ")}</span>
            </li>
          ))}
        </ul>
        {rest > 0 && <p className="mt-1 text-sm">{text.more(rest)}</p>}
      </Callout>
    </section>
  );
}
