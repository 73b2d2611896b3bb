import { useQuery } from "@tanstack/react-query";
import { queries } from "../api";
import type { Run } from "../api/types";
import { shortCommit } from "../lib/text";
import { reasons, reasonText } from "../strings/reasons";
import { review as words } from "../strings/review";
import { Button, Callout, CopyButton, Spinner } from "../ui";
import type { Decision } from "./decision";

export interface StatusProps {
  run: Run;
  decision: Decision;
  seen: string | null;
  /** This page has just sent a reply. */
  replied: boolean;
}

/** One line that says where the run is, in place of what could be pressed. */
export function Status({ run, decision, seen, replied }: StatusProps) {
  const text = words.decide;
  switch (decision.phase) {
    case "decide":
      return seen === null || decision.approve === "changed" ? (
        <p className="text-muted">{text.blocked[decision.approve ?? "not_loaded"]}</p>
      ) : (
        <p className="text-ink">{text.lands(seen, run.target)}</p>
      );
    case "working":
      return (
        <p className="flex items-center gap-2 text-ink">
          <Spinner label={null} />
          {replied ? (run.state === "queued" ? text.queued : text.sent) : text.working(run.agent)}
        </p>
      );
    case "landing":
      return <Landing run={run} />;
    case "landed":
      return (
        <p className="flex flex-wrap items-center gap-x-1.5 text-ok-ink">
          {text.landed(run.target)}
          <code className="font-mono" title={run.landed ?? ""}>
            {shortCommit(run.landed ?? "")}
          </code>
          <CopyButton text={run.landed ?? ""} label={words.header.copyCommit} />
          {run.approved_by && (
            <span className="text-muted">{text.approvedBy(run.approved_by)}</span>
          )}
        </p>
      );
    default:
      return <Ended run={run} phase={decision.phase} />;
  }
}

function Landing({ run }: { run: Run }) {
  const text = words.decide;
  const steps = useQuery({ ...queries.steps(run.id), refetchInterval: 3_000 });
  const now = steps.data?.filter((step) => step.state === "running").at(-1);
  return (
    <div>
      <p className="flex flex-wrap items-center gap-x-2 text-ink">
        <Spinner label={null} />
        {text.landing(run.target)}
        {now && <span className="text-muted">{text.landingStep(now.name)}</span>}
      </p>
      <p className="text-xs text-muted">{text.landingHint}</p>
    </div>
  );
}

function Ended({
  run,
  phase,
}: {
  run: Run;
  phase: "rejected" | "cancelled" | "failed" | "nothing";
}) {
  const text = words.decide;
  const why = phase !== "nothing" && run.reason ? reasonText(run.reason) : null;
  return (
    <div className="min-w-0">
      <p className="text-ink">{why ? `${text[phase]}: ${why}` : text[phase]}</p>
      {run.detail && (
        <p dir="auto" className="line-clamp-2 text-sm break-words text-muted" title={run.detail}>
          {run.detail}
        </p>
      )}
      <p className="text-xs text-muted">{text.again}</p>
    </div>
  );
}

/** Why a landing came back, and what can be done. */
export function Returned({ run }: { run: Run }) {
  if (run.state !== "waiting" || !run.reason) return null;
  const known = reasons[run.reason];
  return (
    <Callout tone="warn" title={words.decide.returned}>
      <p>{`${reasonText(run.reason)}.`}</p>
      {run.detail && (
        <p
          dir="auto"
          className="mt-1 max-h-40 overflow-y-auto font-mono text-xs break-words whitespace-pre-wrap"
        >
          {run.detail}
        </p>
      )}
      {known && <p className="mt-1">{known.next}</p>}
    </Callout>
  );
}

/** There is another commit than the one on the page. */
export function Newer({ commit, onShow }: { commit: string; onShow: () => void }) {
  const text = words.decide;
  return (
    <Callout
      tone="info"
      title={text.newer(commit)}
      action={
        <Button size="sm" variant="primary" onClick={onShow}>
          {text.showNew}
        </Button>
      }
    >
      {text.newerBody}
    </Callout>
  );
}
