import {
  Ban,
  CircleCheck,
  CircleDashed,
  CircleDot,
  CircleX,
  Eye,
  Hand,
  Lock,
  type LucideIcon,
  PlaneLanding,
  Play,
  Square,
  StickyNote,
  Unplug,
} from "lucide-react";
import { reasons } from "../../strings/reasons";
import { run as words } from "../../strings/run";
import { numberOf, type RunEvent, textOf } from "../event";
import { plainOutput } from "../plain-output";
import { Faint, Line, Outcome } from "./parts";

type Look = { icon: LucideIcon; tone: "neutral" | "ok" | "warn" | "danger" | "info" | "accent" };

const RUN: Record<string, Look> = {
  "run.queued": { icon: CircleDashed, tone: "neutral" },
  "run.dispatching": { icon: CircleDashed, tone: "info" },
  "run.running": { icon: Play, tone: "info" },
  "run.waiting": { icon: Eye, tone: "accent" },
  "run.landing": { icon: PlaneLanding, tone: "info" },
  "run.succeeded": { icon: CircleCheck, tone: "ok" },
  "run.failed": { icon: CircleX, tone: "danger" },
  "run.cancelled": { icon: Ban, tone: "neutral" },
  "run.rejected": { icon: Ban, tone: "warn" },
  "run.lost": { icon: Unplug, tone: "warn" },
  "run.away": { icon: Unplug, tone: "warn" },
  "run.stopping": { icon: Hand, tone: "warn" },
};

/** A transition of the run, with its reason and what can be done. */
export function RunRow({ event }: { event: RunEvent }) {
  const look = RUN[event.type] ?? { icon: CircleDot, tone: "neutral" as const };
  const reason = textOf(event, "reason");
  const known = reasons[reason];
  const attempt = numberOf(event, "attempt") ?? 1;
  return (
    <Line
      icon={look.icon}
      tone={look.tone}
      strong
      more={known && <p className="text-muted">{`${known.meaning}. ${known.next}`}</p>}
    >
      <span>{words.eventName(event.type)}</span>
      {reason !== "" && !known && <Faint>{reason.replaceAll("_", " ")}</Faint>}
      {attempt > 1 && <Faint>{words.row.attempt(attempt)}</Faint>}
    </Line>
  );
}

/** A step that began or ended. */
export function StepRow({ event }: { event: RunEvent }) {
  const step = words.stepName(textOf(event, "step"));
  if (event.type === "step.started") {
    return (
      <Line icon={Play} tone="info">
        <span>{words.row.stepStarted(step)}</span>
      </Line>
    );
  }
  const state = textOf(event, "state");
  const [icon, tone, text] =
    state === "failed"
      ? ([CircleX, "danger", words.row.stepFailed(step)] as const)
      : state === "cancelled"
        ? ([Square, "neutral", words.row.stepCancelled(step)] as const)
        : ([CircleCheck, "ok", words.row.stepDone(step)] as const);
  return (
    <Line icon={icon} tone={tone}>
      <span>{text}</span>
      <Outcome ms={numberOf(event, "ms")} exitCode={numberOf(event, "exit_code")} />
    </Line>
  );
}

export function CheckRow({ event }: { event: RunEvent }) {
  const state = textOf(event, "state");
  const good = state === "passed";
  const skipped = state === "skipped";
  return (
    <Line
      icon={good ? CircleCheck : skipped ? CircleDashed : CircleX}
      tone={good ? "ok" : skipped ? "neutral" : "danger"}
      strong={!good && !skipped}
    >
      <span dir="auto">{words.row.check(textOf(event, "name"))}</span>
      <span className={good ? "text-ok-ink" : skipped ? "text-muted" : "text-danger-ink"}>
        {words.row.checkStates[state] ?? state}
      </span>
      <Outcome ms={numberOf(event, "ms")} exitCode={numberOf(event, "exit_code")} />
    </Line>
  );
}

export function NoteRow({ event }: { event: RunEvent }) {
  return (
    <Line icon={StickyNote} tone="faint">
      <span dir="auto" className="whitespace-pre-wrap text-muted">
        {plainOutput(textOf(event, "text"))}
      </span>
    </Line>
  );
}

/** A kind that this page does not know: what it holds, as it is. */
export function OtherRow({ event }: { event: RunEvent }) {
  const text = JSON.stringify(event.payload);
  return (
    <Line icon={CircleDot} tone="faint">
      <span>{words.row.unknown(event.type)}</span>
      {text !== undefined && text !== "{}" && <Faint>{text.slice(0, 500)}</Faint>}
    </Line>
  );
}

export function UnreadableRow({ event }: { event: RunEvent }) {
  return (
    <Line icon={Lock} tone="warn">
      <span className="text-muted">{words.row.unreadable}</span>
      <Faint>{event.type}</Faint>
    </Line>
  );
}
