import { CircleCheck, CircleDashed, CircleSlash, Ellipsis, Unplug } from "lucide-react";
import type { Machine, Run, Runner } from "../api";
import { bytes } from "../lib/text";
import { runners as words } from "../strings/runners";
import { Badge, Callout, IconButton, Link, Menu, StateBadge, Time, type Tone } from "../ui";
import { versionState } from "./fleet";
import { Slots } from "./slots";

interface RunnerItemProps {
  runner: Runner;
  /** Those that it holds now. */
  runs: readonly Run[];
  serverVersion: string;
  /** False for who may not. */
  onRevoke: false | (() => void);
}

interface Look {
  tone: Tone;
  icon: typeof CircleCheck;
}

const LOOK = {
  online: { tone: "ok", icon: CircleCheck },
  draining: { tone: "warn", icon: CircleDashed },
  offline: { tone: "neutral", icon: CircleSlash },
} satisfies Record<string, Look>;

export function RunnerItem({ runner, runs, serverVersion, onRevoke }: RunnerItemProps) {
  const labels = Object.entries(runner.labels);
  return (
    <li className="rounded-lg border border-line bg-surface">
      <div className="flex items-start gap-2 px-3 py-2">
        <div className="flex min-h-7 min-w-0 flex-1 flex-wrap items-center gap-x-3 gap-y-1">
          <h2 dir="auto" className="min-w-0 break-all font-semibold">
            {runner.name}
          </h2>
          <State state={runner.state} />
          <Slots busy={runner.busy} capacity={runner.capacity} />
        </div>
        {onRevoke && (
          <Menu
            trigger={
              <IconButton size="sm" label={words.actions(runner.name)}>
                <Ellipsis aria-hidden />
              </IconButton>
            }
            items={[
              {
                label: words.revoke,
                icon: <Unplug aria-hidden />,
                danger: true,
                onSelect: onRevoke,
              },
            ]}
          />
        )}
      </div>
      <dl className="flex flex-wrap gap-x-6 gap-y-1 px-3 pb-2 text-sm">
        <Fact name={words.columns.seen}>
          {runner.last_seen === null ? words.never : <Time at={runner.last_seen} />}
        </Fact>
        <Fact name={words.columns.version}>
          <Version runner={runner.version} server={serverVersion} />
        </Fact>
        <Fact name={words.enrolled}>
          <Time at={runner.created_at} />
        </Fact>
        <Fact name={words.columns.labels}>
          {labels.length === 0 ? (
            <span className="text-faint">{words.noLabels}</span>
          ) : (
            <span className="flex flex-wrap gap-1">
              {labels.map(([key, value]) => (
                <Badge key={key} className="font-mono">
                  {key}={value}
                </Badge>
              ))}
            </span>
          )}
        </Fact>
      </dl>
      {runner.machine && <MachineFacts machine={runner.machine} />}
      {runs.length > 0 && <AtWork runs={runs} />}
    </li>
  );
}

/** What the machine is and can do. Where the sandbox does not work, no agent does: that is said first. */
function MachineFacts({ machine }: { machine: Machine }) {
  return (
    <div className="border-t border-line px-3 py-2 text-sm">
      {machine.sandbox_error !== null && (
        <Callout tone="danger" title={words.machine.noSandbox}>
          <p className="break-words">{machine.sandbox_error}</p>
          <p>{words.machine.mend}</p>
        </Callout>
      )}
      <dl className="flex flex-wrap gap-x-6 gap-y-1">
        <Fact name={words.machine.system}>
          {machine.os}, {machine.arch}
        </Fact>
        <Fact name={words.machine.size}>
          {words.machine.cpus(machine.cpus)}
          {machine.memory > 0 && `, ${bytes(machine.memory)}`}
        </Fact>
        <Fact name={words.machine.isolation}>
          {machine.isolation.length === 0
            ? words.machine.none
            : machine.isolation.map(isolationName).join(", ")}
        </Fact>
        <Fact name={words.machine.agents}>
          {machine.agents.length === 0 ? words.machine.noAgents : machine.agents.join(", ")}
        </Fact>
      </dl>
    </div>
  );
}

function State({ state }: { state: Runner["state"] }) {
  const { tone, icon: Icon } = (LOOK as Record<string, Look>)[state] ?? LOOK.offline;
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

function Version({ runner, server }: { runner: string; server: string }) {
  const state = versionState(runner, server);
  // Before the server has said its own version there is nothing to compare with.
  const known = server !== "" && (state === "older" || state === "newer");
  return (
    <span className="inline-flex items-center gap-1.5">
      {runner === "" ? <span title={words.version.unknown}>–</span> : runner}
      {known && (
        <Badge tone="warn" title={words.version[state]}>
          {words.version[state]}
        </Badge>
      )}
    </span>
  );
}

function AtWork({ runs }: { runs: readonly Run[] }) {
  return (
    <div className="border-line border-t px-3 py-2">
      <h3 className="pb-1 text-faint text-xs">{words.runsTitle}</h3>
      <ul className="flex flex-col gap-1">
        {runs.map((run) => (
          <li key={run.id} className="flex min-w-0 items-center gap-2">
            <StateBadge state={run.state} />
            <Link to="/runs/$run" params={{ run: run.id }} quiet className="min-w-0 truncate">
              <span dir="auto">{run.card_title}</span>
            </Link>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** What the owner of the machine allows without a sandbox is said as loudly as elsewhere. */
function isolationName(name: string): string {
  return name === "none" || name === "worktree" ? words.machine.unsandboxed(name) : name;
}
