import { Ban, ChevronRight, CircleCheck, CircleX, type LucideIcon, Unplug } from "lucide-react";
import { useSyncExternalStore } from "react";
import { now } from "../lib/clock";
import { duration } from "../lib/time";
import { reasonText } from "../strings/reasons";
import { run as words } from "../strings/run";
import { cn, Skeleton, Spinner } from "../ui";
import { ticker } from "../ui/ticker";
import {
  type Attempt,
  type CheckRun,
  type Journal,
  type StepRun,
  type StepState,
  stepMs,
} from "./journal";

const ICON: Record<Exclude<StepState, "running">, { icon: LucideIcon; ink: string }> = {
  done: { icon: CircleCheck, ink: "text-ok-ink" },
  failed: { icon: CircleX, ink: "text-danger-ink" },
  cancelled: { icon: Ban, ink: "text-muted" },
  lost: { icon: Unplug, ink: "text-warn-ink" },
};

function StateIcon({ state }: { state: StepState }) {
  if (state === "running") {
    return (
      <span className="text-info-ink">
        <Spinner label={null} />
      </span>
    );
  }
  const { icon: Icon, ink } = ICON[state];
  return <Icon aria-hidden className={cn("size-4 shrink-0", ink)} />;
}

/** Counts while the step runs; still otherwise. */
function Took({ step }: { step: StepRun }) {
  const clock = step.state === "running" ? ticker.fast : ticker.still;
  const present = useSyncExternalStore(clock.subscribe, clock.read, now);
  const ms = stepMs(step, present);
  return (
    <span className="text-xs text-faint tabular-nums">
      {duration(step.state === "running" ? Math.floor(ms / 1_000) * 1_000 : ms)}
    </span>
  );
}

interface StepsProps {
  told: Journal;
  complete: boolean;
  onJump: (seq: number) => void;
}

/** What was done, attempt by attempt; a press goes there in the activity. */
export function Steps({ told, complete, onJump }: StepsProps) {
  if (told.attempts.length === 0) {
    if (complete) return <p className="text-sm text-muted">{words.steps.noneQueued}</p>;
    return (
      <div className="flex flex-col gap-2 py-1">
        <Skeleton className="w-3/4" />
        <Skeleton className="w-1/2" />
        <Skeleton className="w-2/3" />
      </div>
    );
  }
  // A landing belongs to the attempt whose work it lands.
  const from = told.attempts.findLastIndex((attempt) => attempt.kind === "execute");
  const [earlier, present] = [
    told.attempts.slice(0, Math.max(from, 0)),
    told.attempts.slice(Math.max(from, 0)),
  ];
  return (
    <div className="flex flex-col gap-2">
      {earlier.map((attempt) => (
        <Earlier key={attempt.seq} attempt={attempt} onJump={onJump} />
      ))}
      {present.map((attempt, at) => (
        <section key={attempt.seq} aria-label={attemptName(attempt)}>
          {(at > 0 || earlier.length > 0) && (
            <h3 className="pb-1 text-xs font-medium text-muted">{attemptName(attempt)}</h3>
          )}
          <StepList attempt={attempt} onJump={onJump} />
        </section>
      ))}
    </div>
  );
}

function attemptName(attempt: Attempt): string {
  if (attempt.kind === "land") return words.steps.landing;
  const turn = attempt.turn === 0 ? words.steps.first : words.steps.reply(attempt.turn);
  return attempt.attempt > 1 ? words.steps.attempt(attempt.attempt) : turn;
}

function Earlier({ attempt, onJump }: { attempt: Attempt; onJump: (seq: number) => void }) {
  const why = attempt.lost ? words.steps.lost(reasonText(attempt.lost.reason)) : null;
  return (
    <details className="group">
      <summary className="flex list-none items-start gap-1 rounded-sm text-xs font-medium text-muted hover:text-ink">
        <ChevronRight aria-hidden className="mt-px size-3.5 shrink-0 group-open:rotate-90" />
        <span className="min-w-0">
          {attemptName(attempt)}
          {why !== null && <span className="block font-normal text-warn-ink">{why}</span>}
        </span>
      </summary>
      <StepList attempt={attempt} onJump={onJump} />
    </details>
  );
}

function StepList({ attempt, onJump }: { attempt: Attempt; onJump: (seq: number) => void }) {
  return (
    <ol className="flex flex-col">
      {attempt.steps.map((step) => (
        <li key={step.seq}>
          <StepButton step={step} onJump={onJump} />
          {step.checks.length > 0 && (
            <ol className="ml-5 border-line border-l pl-1">
              {step.checks.map((check) => (
                <li key={check.seq}>
                  <CheckButton check={check} onJump={onJump} />
                </li>
              ))}
            </ol>
          )}
        </li>
      ))}
    </ol>
  );
}

const ROW =
  "flex min-h-8 w-full items-center gap-2 rounded-md px-1.5 text-left text-sm text-ink hover:bg-hover";

function StepButton({ step, onJump }: { step: StepRun; onJump: (seq: number) => void }) {
  const name = words.stepName(step.name);
  const state = words.steps.states[step.state] ?? step.state;
  return (
    <button
      type="button"
      className={ROW}
      title={words.steps.jump(name)}
      onClick={() => onJump(step.seq)}
    >
      <StateIcon state={step.state} />
      <span className="min-w-0 flex-1 truncate">
        {name}
        <span className="sr-only">, {state}</span>
      </span>
      {step.exitCode !== null && step.exitCode !== 0 && (
        <span className="text-xs text-danger-ink">{words.steps.exit(step.exitCode)}</span>
      )}
      <Took step={step} />
    </button>
  );
}

function CheckButton({ check, onJump }: { check: CheckRun; onJump: (seq: number) => void }) {
  const good = check.state === "passed";
  return (
    <button type="button" className={ROW} onClick={() => onJump(check.seq)}>
      <StateIcon state={good ? "done" : check.state === "skipped" ? "cancelled" : "failed"} />
      <span dir="auto" className="min-w-0 flex-1 truncate">
        {check.name}
        <span className="sr-only">, {words.row.checkStates[check.state] ?? check.state}</span>
      </span>
      {check.exitCode !== null && check.exitCode !== 0 && (
        <span className="text-xs text-danger-ink">{words.steps.exit(check.exitCode)}</span>
      )}
      {check.ms !== null && (
        <span className="text-xs text-faint tabular-nums">{duration(check.ms)}</span>
      )}
    </button>
  );
}
