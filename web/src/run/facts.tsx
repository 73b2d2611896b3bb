import { useQuery } from "@tanstack/react-query";
import { TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { queries } from "../api/queries";
import type { Run } from "../api/types";
import { shortCommit, shortId } from "../lib/text";
import { run as words } from "../strings/run";
import { Badge, CopyButton, Duration, Link, Time } from "../ui";
import { InForce, IsolationName } from "./in-force";

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="flex flex-wrap items-baseline gap-x-2 py-0.5">
      <dt className="w-24 shrink-0 text-sm text-faint">{name}</dt>
      <dd className="flex min-w-0 flex-1 flex-wrap items-center gap-x-1 text-sm text-ink">
        {children}
      </dd>
    </div>
  );
}

function Commit({ commit }: { commit: string }) {
  return (
    <>
      <code className="font-mono" title={commit}>
        {shortCommit(commit)}
      </code>
      <CopyButton text={commit} label={words.facts.copyCommit} className="-my-1" />
    </>
  );
}

/** What there is to know of a run beside what happened in it. */
export function Facts({ run, related }: { run: Run; related: ReactNode }) {
  const { facts } = words;
  return (
    <dl className="flex flex-col">
      <Fact name={facts.agent}>
        <span dir="auto">{run.agent}</span>
        {run.agent_version && <span className="text-faint">{run.agent_version}</span>}
      </Fact>
      <Fact name={facts.isolation}>
        <IsolationName isolation={run.isolation} />
      </Fact>
      <Fact name={facts.egress}>
        {run.egress === "open" ? (
          <Badge tone="warn" icon={<TriangleAlert aria-hidden />}>
            {facts.egresses.open}
          </Badge>
        ) : (
          (facts.egresses[run.egress] ?? run.egress)
        )}
      </Fact>
      <Fact name={facts.runner}>
        {run.runner ? (
          <RunnerName id={run.runner} />
        ) : (
          <span className="text-faint">{facts.noRunner}</span>
        )}
      </Fact>
      {run.attempt > 1 && <Fact name={facts.attempt}>{run.attempt}</Fact>}
      <Fact name={facts.target}>
        <code dir="auto" className="font-mono">
          {run.target}
        </code>
      </Fact>
      {run.base && (
        <Fact name={facts.base}>
          <Commit commit={run.base} />
        </Fact>
      )}
      {run.commit && (
        <Fact name={facts.commit}>
          <Commit commit={run.commit} />
        </Fact>
      )}
      {run.landed && (
        <Fact name={facts.landed}>
          <Commit commit={run.landed} />
        </Fact>
      )}
      {run.by && (
        <Fact name={facts.by}>
          <span dir="auto">{run.by}</span>
        </Fact>
      )}
      {run.approved_by && (
        <Fact name={facts.approvedBy}>
          <span dir="auto">{run.approved_by}</span>
        </Fact>
      )}
      <Times run={run} />
      <Fact name={facts.usage}>
        <Used run={run} />
      </Fact>
      {run.in_force && run.in_force.length > 0 && (
        <Fact name={facts.inForce}>
          <InForce steps={run.in_force} />
        </Fact>
      )}
      {related}
      <Fact name={facts.id}>
        <code className="font-mono" title={run.id}>
          {shortId(run.id)}
        </code>
        <CopyButton text={run.id} label={facts.copyId} className="-my-1" />
      </Fact>
    </dl>
  );
}

function Times({ run }: { run: Run }) {
  const { facts } = words;
  const began = run.started_at ?? run.created_at;
  return (
    <>
      <Fact name={facts.created}>
        <Time at={run.created_at} />
      </Fact>
      {run.started_at && (
        <Fact name={facts.started}>
          <Time at={run.started_at} />
        </Fact>
      )}
      {run.finished_at && (
        <Fact name={facts.finished}>
          <Time at={run.finished_at} />
        </Fact>
      )}
      {(run.started_at ?? run.finished_at) && run.state !== "waiting" && (
        <Fact name={facts.took}>
          <Duration from={began} to={run.finished_at} />
        </Fact>
      )}
    </>
  );
}

function Used({ run }: { run: Run }) {
  const { usage } = run;
  // Nothing counted is not nothing used.
  if (!usage || usage.input_tokens + usage.output_tokens === 0) {
    return (
      <span className="text-faint" title={words.usage.unknownWhy}>
        {words.usage.unknown}
      </span>
    );
  }
  return (
    <>
      <span>{words.usage.tokens(usage.input_tokens, usage.output_tokens)}</span>
      {usage.requests > 0 && (
        <span className="text-faint">{words.usage.requests(usage.requests)}</span>
      )}
    </>
  );
}

function RunnerName({ id }: { id: string }) {
  const { data } = useQuery(queries.runners());
  const name = data?.find((runner) => runner.id === id)?.name;
  return (
    <Link to="/runners" title={id}>
      {name ?? shortId(id)}
    </Link>
  );
}

/** The run that this one answers, and those that answer it. */
export function Related({ run }: { run: Run }) {
  const { data } = useQuery(queries.runs({ card: run.card }));
  const children = data?.items.filter((other) => other.parent === run.id) ?? [];
  return (
    <>
      {run.parent && (
        <Fact name={words.facts.parent}>
          <RunLink id={run.parent} />
        </Fact>
      )}
      {children.length > 0 && (
        <Fact name={words.facts.children}>
          {children.map((child) => (
            <RunLink key={child.id} id={child.id} />
          ))}
        </Fact>
      )}
    </>
  );
}

function RunLink({ id }: { id: string }) {
  return (
    <Link to="/runs/$run" params={{ run: id }} title={id} className="font-mono">
      {shortId(id)}
    </Link>
  );
}
