import type { InboxItem, Run } from "../api";
import { inbox as words } from "../strings/inbox";
import { reasons, reasonText } from "../strings/reasons";
import { ButtonLink, cn, Link, Time } from "../ui";
import { keyOf } from "./groups";
import { placeOf, remedyOf } from "./place";

interface InboxRowProps {
  item: InboxItem;
  current: boolean;
  onFocus: () => void;
}

export function InboxRow({ item, current, onFocus }: InboxRowProps) {
  const { run } = item;
  return (
    <li
      className={cn(
        "relative flex flex-wrap items-center gap-x-3 gap-y-1 border-line border-b px-3 py-2 last:border-b-0 hover:bg-hover",
        current && "bg-hover",
      )}
    >
      <div className="min-w-0 flex-1 basis-60">
        <Link
          {...placeOf(item)}
          quiet
          data-item={keyOf(item)}
          onFocus={onFocus}
          // The whole row is its target, the buttons stand above it.
          className="font-medium text-ink after:absolute after:inset-0 after:content-['']"
        >
          <span dir="auto" className="line-clamp-2 break-words">
            {run.card_title}
          </span>
        </Link>
        <p className="flex flex-wrap gap-x-1.5 text-muted text-sm">
          <span>{item.project_name}</span>
          <Dot />
          <span>{words.by(run.agent)}</span>
          {run.attempt > 1 && (
            <>
              <Dot />
              <span>{words.attempt(run.attempt)}</span>
            </>
          )}
          <Dot />
          <Time at={item.since} />
        </p>
        <Why item={item} />
      </div>
      <div className="relative flex gap-2">
        <RemedyLink run={run} stuck={item.kind === "stuck"} />
        {item.kind === "review" && (
          <ButtonLink {...placeOf(item)} size="sm" variant="primary" tabIndex={-1}>
            {words.open.review}
          </ButtonLink>
        )}
      </div>
    </li>
  );
}

function Dot() {
  return (
    <span aria-hidden className="text-faint">
      ·
    </span>
  );
}

/** Why it is here: what the checks said, or what went wrong and what helps. */
function Why({ item }: { item: InboxItem }) {
  const { run, kind } = item;
  if (kind === "review") {
    const passed = run.checks.filter((check) => check.state === "passed").length;
    const all = run.checks.length;
    const bad = passed < all;
    return (
      <p className={cn("text-sm", bad ? "text-danger-ink" : "text-muted")}>
        {run.reason ? `${reasonText(run.reason)} · ` : ""}
        {all === 0 ? words.noChecks : words.checks(passed, all)}
      </p>
    );
  }
  if (!run.reason) return null;
  const next = reasons[run.reason]?.next;
  return (
    <p className="text-sm">
      <span className={kind === "failed" ? "text-danger-ink" : "text-warn-ink"}>
        {reasonText(run.reason)}
      </span>
      {next && <span className="text-muted"> · {next}</span>}
    </p>
  );
}

function RemedyLink({ run, stuck }: { run: Run; stuck: boolean }) {
  const remedy = stuck ? remedyOf(run.reason) : null;
  if (remedy === null) return null;
  const text = words.remedies[remedy];
  if (remedy === "runner") {
    return (
      <ButtonLink to="/runners" size="sm">
        {text}
      </ButtonLink>
    );
  }
  if (remedy === "labels") {
    return (
      <ButtonLink to="/settings/agents" size="sm">
        {text}
      </ButtonLink>
    );
  }
  return (
    <ButtonLink
      to="/projects/$project"
      params={{ project: run.project }}
      search={{ card: run.card }}
      size="sm"
    >
      {text}
    </ButtonLink>
  );
}
