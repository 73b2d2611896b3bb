import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Eye, SquareX } from "lucide-react";
import { useState } from "react";
import { type Card, type Run, useMay } from "../api";
import { keys, queries } from "../api/queries";
import { isWorking } from "../board/state";
import { card as say } from "../strings/card";
import { reasons } from "../strings/reasons";
import { run as runWords } from "../strings/run";
import {
  Button,
  ButtonLink,
  ConfirmDialog,
  Duration,
  ErrorState,
  Skeleton,
  StateBadge,
  toast,
} from "../ui";
import { cancelRun } from "./requests";

/** Steps have no hints of their own; this is as often as a step's name is worth. In milliseconds. */
const STEPS_EVERY = 3_000;

/** The run that is under way: where it is, for how long, and what a person can do. */
export function LiveRun({ card, run: id }: { card: Card; run: string }) {
  const query = useQuery(queries.run(id));
  const run = query.data;
  if (!run) {
    if (query.isError)
      return <ErrorState problem={query.error} retry={() => void query.refetch()} />;
    return <Skeleton className="h-16" />;
  }
  return <Under card={card} run={run} />;
}

function Under({ card, run }: { card: Card; run: Run }) {
  const may = useMay();
  const [asking, setAsking] = useState(false);
  const client = useQueryClient();
  const waiting = run.state === "waiting";
  const why = run.reason ? reasons[run.reason] : undefined;
  async function cancel() {
    client.setQueryData(keys.run(run.id), await cancelRun(run.id));
    toast.show({ title: say.live.cancelled });
    void client.invalidateQueries({ queryKey: keys.card(card.id) });
    void client.invalidateQueries({ queryKey: keys.runs() });
  }
  return (
    <div className="flex flex-col gap-2">
      <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
        <StateBadge state={run.state} reason={run.reason} />
        {isWorking(run.state) && <Step run={run} />}
        <span className="text-sm text-muted">{run.agent}</span>
        {!waiting && (
          <span className="text-sm text-faint">
            {run.started_at ? say.live.elapsed : say.live.queuedFor}{" "}
            <Duration from={run.started_at ?? run.created_at} />
          </span>
        )}
      </div>
      {waiting && <p className="text-sm text-muted">{say.live.waitingBody}</p>}
      {why && (
        <p className="text-sm text-muted">
          {why.meaning}. {why.next}
        </p>
      )}
      {run.detail && (
        <p dir="auto" className="line-clamp-4 text-sm text-muted">
          {run.detail}
        </p>
      )}
      <div className="flex flex-wrap gap-2">
        {waiting && (
          <ButtonLink
            variant="primary"
            icon={<Eye aria-hidden />}
            to="/runs/$run/review"
            params={{ run: run.id }}
          >
            {say.runs.review}
          </ButtonLink>
        )}
        <ButtonLink to="/runs/$run" params={{ run: run.id }}>
          {say.runs.open}
        </ButtonLink>
        {may("run.cancel") && (
          <Button variant="ghost" icon={<SquareX aria-hidden />} onClick={() => setAsking(true)}>
            {say.live.cancel}
          </Button>
        )}
      </div>
      <ConfirmDialog
        open={asking}
        onOpenChange={setAsking}
        title={say.live.cancelTitle}
        body={say.live.cancelBody}
        confirm={say.live.cancelConfirm}
        keep={say.live.cancelKeep}
        danger
        onConfirm={cancel}
      />
    </div>
  );
}

function Step({ run }: { run: Run }) {
  const steps = useQuery({ ...queries.steps(run.id), refetchInterval: STEPS_EVERY });
  const step = steps.data?.findLast((one) => one.state === "running");
  return step ? (
    <span className="text-sm text-ink">{say.live.step(runWords.stepName(step.name))}</span>
  ) : null;
}
