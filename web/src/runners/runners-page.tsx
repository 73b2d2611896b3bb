import { useQuery } from "@tanstack/react-query";
import { Plus, Server } from "lucide-react";
import { useState } from "react";
import type { Run, Runner } from "../api";
import { may } from "../api/may";
import { queries } from "../api/queries";
import { runners as words } from "../strings/runners";
import { Button, Callout, CodeBlock, EmptyState, ErrorState, PageHeader } from "../ui";
import { AddRunner } from "./add-runner";
import { byState, room } from "./fleet";
import { RevokeRunner } from "./revoke-runner";
import { RunnerItem } from "./runner-item";
import { RunnersSkeleton } from "./runners-skeleton";

/** States of a run in which a runner holds it. */
const HELD = ["dispatching", "running", "landing"] as const;

type Open = { what: "add" } | { what: "revoke"; runner: Runner } | null;

export default function RunnersPage() {
  const query = useQuery(queries.runners());
  const held = useQuery(queries.runs({ state: HELD }));
  const me = useQuery(queries.me());
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  const list = query.data;
  const add = may(me.data, "runner.enrol") && (
    <Button variant="primary" icon={<Plus aria-hidden />} onClick={() => setOpen({ what: "add" })}>
      {words.add}
    </Button>
  );
  return (
    <div className="mx-auto max-w-4xl">
      <PageHeader title={words.title} actions={list !== undefined && list.length > 0 && add}>
        <p className="max-w-prose text-muted">{words.lead}</p>
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
          icon={<Server />}
          action={add}
        />
      ) : (
        <Fleet
          runners={list}
          runs={held.data?.items ?? []}
          serverVersion={me.data?.server_version ?? ""}
          onRevoke={
            may(me.data, "runner.revoke") && ((runner) => setOpen({ what: "revoke", runner }))
          }
        />
      )}
      {open?.what === "add" && <AddRunner known={list ?? []} onClose={close} />}
      {open?.what === "revoke" && (
        <RevokeRunner runner={open.runner} runners={list ?? []} onClose={close} />
      )}
    </div>
  );
}

interface FleetProps {
  runners: readonly Runner[];
  runs: readonly Run[];
  serverVersion: string;
  /** False for who may not. */
  onRevoke: false | ((runner: Runner) => void);
}

function Fleet({ runners, runs, serverVersion, onRevoke }: FleetProps) {
  const { busy, capacity } = room(runners);
  const connected = runners.some((runner) => runner.state !== "offline");
  return (
    <div className="flex flex-col gap-3">
      {connected ? (
        <p className="text-muted text-sm tabular-nums">{words.room(busy, capacity)}</p>
      ) : (
        <Callout tone="warn" title={words.allOffline.title}>
          <p className="pb-1">{words.allOffline.body}</p>
          <CodeBlock text={words.allOffline.command} label={words.allOffline.title} />
        </Callout>
      )}
      <ul className="flex flex-col gap-2">
        {byState(runners).map((runner) => (
          <RunnerItem
            key={runner.id}
            runner={runner}
            runs={runs.filter((run) => run.runner === runner.id)}
            serverVersion={serverVersion}
            onRevoke={onRevoke && (() => onRevoke(runner))}
          />
        ))}
      </ul>
    </div>
  );
}
