import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Run } from "../api";
import { queries } from "../api/queries";
import { isLive } from "../board/state";
import { card as say } from "../strings/card";
import { Button, Duration, ErrorState, Link, Skeleton, StateBadge, Time } from "../ui";
import { Section } from "./section";

/** Runs shown before the person asks for the earlier ones. */
const SHOWN = 5;

/** The card's runs, newest first. */
export function Runs({ card, expected }: { card: string; expected: boolean }) {
  const query = useQuery(queries.runs({ card }));
  const [all, setAll] = useState(false);
  const runs = query.data?.items ?? [];
  return (
    <Section title={say.runs.title}>
      {query.isPending && expected && <Skeleton className="h-8" />}
      {query.isError && !query.data && (
        <ErrorState problem={query.error} retry={() => void query.refetch()} />
      )}
      {query.data && runs.length === 0 && <p className="text-sm text-faint">{say.runs.none}</p>}
      <ul className="flex flex-col">
        {(all ? runs : runs.slice(0, SHOWN)).map((run) => (
          <Row key={run.id} run={run} />
        ))}
      </ul>
      {!all && runs.length > SHOWN && (
        <Button size="sm" variant="ghost" className="self-start" onClick={() => setAll(true)}>
          {say.runs.all(runs.length)}
        </Button>
      )}
    </Section>
  );
}

function Row({ run }: { run: Run }) {
  const to = { run: run.id };
  return (
    <li className="flex min-h-8 flex-wrap items-center gap-x-2 text-sm text-muted">
      <StateBadge state={run.state} reason={run.reason} />
      <span className="text-ink">{run.agent}</span>
      <Time at={run.created_at} />
      {run.started_at && (run.finished_at || isLive(run.state)) && run.state !== "waiting" && (
        <Duration from={run.started_at} to={run.finished_at} className="text-faint" />
      )}
      <span className="flex-1" />
      {run.state === "waiting" && (
        <Link to="/runs/$run/review" params={to}>
          {say.runs.review}
        </Link>
      )}
      <Link to="/runs/$run" params={to}>
        {say.runs.open}
      </Link>
    </li>
  );
}
