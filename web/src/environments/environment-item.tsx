import {
  CircleCheck,
  CircleDashed,
  CirclePause,
  CirclePlay,
  CircleStop,
  CircleX,
} from "lucide-react";
import type { Environment } from "../api";
import { environments as words } from "../strings/environments";
import { Badge, Button, Callout, Link, Time, type Tone } from "../ui";
import { activeFor, canStop } from "./lives";

interface Look {
  tone: Tone;
  icon: typeof CircleCheck;
}

const LOOK: Record<string, Look> = {
  requested: { tone: "neutral", icon: CircleDashed },
  starting: { tone: "info", icon: CircleDashed },
  ready: { tone: "ok", icon: CircleCheck },
  busy: { tone: "info", icon: CirclePlay },
  idle: { tone: "neutral", icon: CirclePause },
  stopping: { tone: "warn", icon: CircleStop },
  stopped: { tone: "neutral", icon: CircleStop },
  failed: { tone: "danger", icon: CircleX },
};

interface EnvironmentItemProps {
  environment: Environment;
  onStop: () => void;
}

export function EnvironmentItem({ environment: of, onStop }: EnvironmentItemProps) {
  const quiet = of.state === "ready" || of.state === "idle";
  return (
    <li className="rounded-lg border border-line bg-surface">
      <div className="flex items-start gap-2 px-3 py-2">
        <div className="flex min-h-7 min-w-0 flex-1 flex-wrap items-center gap-x-3 gap-y-1">
          <h2 dir="auto" className="min-w-0 break-all font-semibold">
            <Link to="/projects/$project" params={{ project: of.project }} quiet>
              {of.project_name}
            </Link>
          </h2>
          <State state={of.state} />
          {of.state !== "failed" && of.detail !== null && (
            <span className="text-muted text-sm">{of.detail}</span>
          )}
        </div>
        {canStop(of.state) && (
          <Button size="sm" onClick={onStop} aria-label={words.stopLabel(of.project_name)}>
            {words.stop}
          </Button>
        )}
      </div>
      <dl className="flex flex-wrap gap-x-6 gap-y-1 px-3 pb-2 text-sm">
        <Fact name={words.facts.runner}>
          {of.runner === null ? (
            <span className="text-faint">{words.noRunner}</span>
          ) : (
            <span dir="auto">{of.runner_name ?? of.runner}</span>
          )}
        </Fact>
        {of.jobs > 0 && <Fact name={words.facts.jobs}>{of.jobs}</Fact>}
        {of.started_at === null ? (
          <Fact name={words.facts.asked}>
            <Time at={of.requested_at} />
          </Fact>
        ) : (
          <Fact name={words.facts.since}>
            <Time at={of.started_at} />
          </Fact>
        )}
        {quiet && (
          <Fact name={words.facts.idleFor}>
            <Time at={of.last_active_at} />
          </Fact>
        )}
        {of.idle_until !== null && (
          <Fact name={words.facts.stops}>
            <Time at={of.idle_until} />
          </Fact>
        )}
        {of.stopped_at !== null && (
          <Fact name={words.facts.ended}>
            <Time at={of.stopped_at} />
          </Fact>
        )}
        <Fact name={words.facts.active}>
          <span className="tabular-nums">{activeFor(of.active_s)}</span>
        </Fact>
      </dl>
      {of.state === "failed" && of.detail !== null && (
        <div className="px-3 pb-2">
          <Callout tone="danger" title={words.states.failed ?? ""}>
            <p className="break-words">{of.detail}</p>
          </Callout>
        </div>
      )}
      {of.kept.length > 0 && (
        <p className="px-3 pb-2 text-sm text-warn-ink">{words.kept(of.kept.length)}</p>
      )}
    </li>
  );
}

function State({ state }: { state: string }) {
  const { tone, icon: Icon } = LOOK[state] ?? { tone: "neutral" as Tone, icon: CircleDashed };
  return (
    <Badge tone={tone} icon={<Icon aria-hidden />} title={words.stateHints[state]}>
      {words.states[state] ?? state}
    </Badge>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div className="flex items-center gap-1.5">
      <dt className="text-faint">{name}</dt>
      <dd className="min-w-0 text-muted">{children}</dd>
    </div>
  );
}
