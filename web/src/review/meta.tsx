import { useQuery } from "@tanstack/react-query";
import { queries, toProblem } from "../api";
import type { Review, Run } from "../api/types";
import { shortCommit } from "../lib/text";
import { review as words } from "../strings/review";
import { Button, CopyButton, StateBadge, Time } from "../ui";
import { Counts } from "./counts";

/** Who did what, onto which branch, and whether that one is still where it was. */
export function Meta({ run, review }: { run: Run; review: Review }) {
  const { header } = words;
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-1 text-sm text-muted">
      <StateBadge state={run.state} reason={run.reason} />
      <span>{header.by(run.agent)}</span>
      <span className="font-mono break-all">{header.onto(run.target)}</span>
      {review.commit !== null && (
        <span className="flex items-center gap-1">
          {header.commit}
          <code className="font-mono text-ink" title={review.commit}>
            {shortCommit(review.commit)}
          </code>
          <CopyButton text={review.commit} label={header.copyCommit} />
        </span>
      )}
      <span className="flex items-center gap-1.5">
        {header.changes(review.files.length)}
        <Counts additions={review.additions} deletions={review.deletions} />
      </span>
      <Time at={run.finished_at ?? run.started_at ?? run.created_at} />
    </div>
  );
}

/** Asked when a decision is open: where the target is now. It is a runner that looks, in seconds. */
export function useBase(run: Run, open: boolean) {
  // A commit that came back from landing stands on the moved target: the answer before is not its.
  const asked = queries.base(run.id, run.commit);
  return useQuery({ ...asked, enabled: open, staleTime: 120_000, retry: false });
}

export function BaseLine({ run, base }: { run: Run; base: ReturnType<typeof useBase> }) {
  const { data, error, isFetching, refetch } = base;
  const text = words.base;
  if (isFetching) return <p className="text-sm text-muted">{text.checking}</p>;
  const moved = data?.state === "moved";
  const known = data !== undefined && data.state !== "unknown";
  const why = data?.message ?? (error ? toProblem(error).detail || toProblem(error).title : "");
  return (
    <div className="flex flex-wrap items-center gap-x-2 text-sm">
      <p className={moved ? "text-warn-ink" : "text-muted"}>
        {known
          ? moved
            ? text.moved(run.target)
            : text.same(run.target)
          : why
            ? text.unknown(why)
            : text.unknownPlain}
      </p>
      <Button size="sm" variant="ghost" onClick={() => void refetch()}>
        {text.again}
      </Button>
      {moved && <p className="basis-full text-xs text-muted">{text.movedHint}</p>}
    </div>
  );
}
