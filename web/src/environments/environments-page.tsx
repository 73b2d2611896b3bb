import { useQuery } from "@tanstack/react-query";
import { Boxes } from "lucide-react";
import { useState } from "react";
import type { Environment } from "../api";
import { queries } from "../api/queries";
import { RunnersSkeleton } from "../runners/runners-skeleton";
import { environments as words } from "../strings/environments";
import { EmptyState, ErrorState, PageHeader } from "../ui";
import { EnvironmentItem } from "./environment-item";
import { activeFor, byUse } from "./lives";
import { StartEnvironment } from "./start-environment";
import { StopEnvironment } from "./stop-environment";

export default function EnvironmentsPage() {
  const query = useQuery(queries.environments());
  const ended = useQuery(queries.environmentsEnded());
  const projects = useQuery(queries.projects());
  const [stopping, setStopping] = useState<Environment | null>(null);
  const list = query.data;
  const start = <StartEnvironment projects={projects.data ?? []} environments={list ?? []} />;
  return (
    <div className="mx-auto max-w-4xl">
      <PageHeader
        title={words.title}
        actions={list !== undefined && list.length > 0 ? start : undefined}
      >
        <p className="max-w-prose text-muted">{words.lead}</p>
        <Summary />
      </PageHeader>
      {list === undefined ? (
        query.isError ? (
          <ErrorState problem={query.error} retry={() => query.refetch()} />
        ) : (
          <RunnersSkeleton />
        )
      ) : list.length === 0 ? (
        <EmptyState
          title={words.empty.title}
          body={words.empty.body}
          icon={<Boxes />}
          action={start}
        />
      ) : (
        <Items environments={byUse(list)} onStop={setStopping} />
      )}
      {(ended.data?.length ?? 0) > 0 && (
        <section className="pt-6">
          <h2 className="pb-2 font-semibold text-muted">{words.ended}</h2>
          <Items environments={ended.data ?? []} onStop={setStopping} />
        </section>
      )}
      {stopping !== null && <StopEnvironment of={stopping} onClose={() => setStopping(null)} />}
    </div>
  );
}

function Summary() {
  const limits = useQuery(queries.environmentLimits());
  const usage = useQuery(queries.environmentUsage());
  if (limits.data === undefined) return null;
  const { placed, most, idle_minutes } = limits.data;
  const parts = [words.summary(placed, most), words.idleRule(idle_minutes)];
  if (usage.data !== undefined) parts.push(words.used(activeFor(usage.data.seconds)));
  return <p className="pt-1 text-muted text-sm tabular-nums">{parts.join(" · ")}</p>;
}

interface ItemsProps {
  environments: readonly Environment[];
  onStop: (environment: Environment) => void;
}

function Items({ environments, onStop }: ItemsProps) {
  return (
    <ul className="flex flex-col gap-2">
      {environments.map((environment) => (
        <EnvironmentItem
          key={environment.id}
          environment={environment}
          onStop={() => onStop(environment)}
        />
      ))}
    </ul>
  );
}
