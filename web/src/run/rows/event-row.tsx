import { memo } from "react";
import { fullTime } from "../../lib/time";
import { run as words } from "../../strings/run";
import { cn, Link, Skeleton } from "../../ui";
import { clockTime } from "../clock-time";
import { numberOf, type RunEvent } from "../event";
import type { Row } from "../layout";
import { MessageRow, PermissionRow, PlanRow, ThoughtRow, ToolRow, UsageRow } from "./agent-rows";
import { OutputRow } from "./output-row";
import { CheckRow, NoteRow, OtherRow, RunRow, StepRow, UnreadableRow } from "./run-rows";

interface Props {
  row: Row;
  /** The last that was heard of the row's tool call. */
  latest: RunEvent | undefined;
  /** The one that the address names. */
  marked: boolean;
  onOpenOutput: (event: RunEvent) => void;
}

function content({ row, latest, onOpenOutput }: Props, first: RunEvent, last: RunEvent) {
  // Its key is not here: an event of before a key was lost or taken away.
  if (numberOf(first, "unreadable") !== null) return <UnreadableRow event={first} />;
  switch (first.type) {
    case "agent.message":
      return <MessageRow events={row.events} />;
    case "agent.thought":
      return <ThoughtRow events={row.events} />;
    case "agent.tool":
      return <ToolRow event={first} latest={latest ?? first} />;
    case "agent.plan":
      return <PlanRow event={last} />;
    case "agent.permission":
      return <PermissionRow event={first} />;
    case "agent.usage":
      return <UsageRow event={last} />;
    case "output":
      return <OutputRow events={row.events} onOpenOutput={onOpenOutput} />;
    case "note":
      return <NoteRow event={first} />;
    case "check.finished":
      return <CheckRow event={first} />;
    case "step.started":
    case "step.finished":
      return <StepRow event={first} />;
    default:
      return first.type.startsWith("run.") ? <RunRow event={first} /> : <OtherRow event={first} />;
  }
}

/** One row of the activity. Drawn again only when what it shows has changed. */
export const EventRow = memo(function EventRow(props: Props) {
  const { row, marked } = props;
  const [first, last] = [row.events[0], row.events.at(-1)];
  if (!first || !last) return <Skeleton className="my-1.5 h-5 w-full max-w-md" />;
  return (
    <div
      className={cn(
        "flex gap-2 border-line border-b px-2 py-1.5 sm:gap-3 sm:px-3",
        marked && "bg-accent-soft",
        (first.type === "output" || first.type === "agent.tool") && "border-b-0",
      )}
    >
      <Link
        to="."
        search={true}
        hash={`e${first.seq}`}
        quiet
        replace
        hashScrollIntoView={false}
        title={`${words.activity.event(first.seq)} · ${fullTime(first.ts)}`}
        aria-label={words.activity.linkTo(first.seq)}
        className="w-14 shrink-0 pt-px text-xs leading-5 text-faint tabular-nums"
      >
        {clockTime(first.ts)}
      </Link>
      {content(props, first, last)}
    </div>
  );
});
