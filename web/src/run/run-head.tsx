import { useQuery } from "@tanstack/react-query";
import { TriangleAlert } from "lucide-react";
import { useLiveState } from "../api/live-hooks";
import { queries } from "../api/queries";
import type { Run } from "../api/types";
import { truncate } from "../lib/text";
import { run as words } from "../strings/run";
import { Badge, Link, PageHeader, StateBadge, Time } from "../ui";
import { Actions } from "./actions";
import { upright } from "./plain-output";
import { Reason } from "./reason";

/** Longest title that is drawn; the whole one is on the card. */
const TITLE_MAX = 300;

/** What the run is of, where it is, why, and what can be done now. */
export function RunHead({ run, stopping }: { run: Run; stopping: boolean }) {
  const { data: project } = useQuery(queries.project(run.project));
  const { phase } = useLiveState();
  const title = truncate(upright(run.card_title) || words.title, TITLE_MAX);
  return (
    <div>
      <PageHeader
        title={title}
        heading={
          <span title={title} className="line-clamp-3">
            {title}
          </span>
        }
        breadcrumbs={[
          <Link key="project" to="/projects/$project" params={{ project: run.project }} quiet>
            {project?.name ?? words.list.project}
          </Link>,
          <Link
            key="card"
            to="/projects/$project"
            params={{ project: run.project }}
            search={{ card: run.card }}
            quiet
          >
            {words.list.card}
          </Link>,
          <span key="run">{words.title}</span>,
        ]}
        actions={<Actions run={run} stopping={stopping} />}
      >
        <div className="flex flex-wrap items-center gap-2 text-sm text-muted">
          <StateBadge state={run.state} reason={run.reason} />
          <span dir="auto">{run.agent}</span>
          <Time at={run.created_at} />
          {run.egress === "open" && (
            <Badge tone="warn" icon={<TriangleAlert aria-hidden />}>
              {words.facts.egressOpenShort}
            </Badge>
          )}
          {run.parent && (
            <Link to="/runs/$run" params={{ run: run.parent }}>
              {words.relations.parent}
            </Link>
          )}
          {phase === "offline" && (
            <Badge tone="warn" title={words.behind.body}>
              {words.behind.title}
            </Badge>
          )}
        </div>
      </PageHeader>
      <div className="pb-3 empty:hidden">
        <Reason run={run} />
      </div>
    </div>
  );
}
