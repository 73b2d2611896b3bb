import { numberOf, type RunEvent, textOf } from "./event";

export type StepState = "running" | "done" | "failed" | "cancelled" | "lost";

export interface CheckRun {
  name: string;
  state: string;
  seq: number;
  ms: number | null;
  exitCode: number | null;
}

export interface StepRun {
  name: string;
  state: StepState;
  /** The event that began it. */
  seq: number;
  /** The event that ended it. */
  endSeq: number | null;
  startedAt: string;
  finishedAt: string | null;
  ms: number | null;
  exitCode: number | null;
  checks: CheckRun[];
}

/** What one runner did with the run under one epoch. */
export interface Attempt {
  epoch: number;
  kind: "execute" | "land";
  /** Which try of its turn, from 1. */
  attempt: number;
  /** How many replies had been given. */
  turn: number;
  seq: number;
  startedAt: string;
  endedAt: string | null;
  /** Why it did not come to its end. */
  lost: { seq: number; reason: string } | null;
  steps: StepRun[];
}

export interface Journal {
  attempts: Attempt[];
  /** The last thing that was said of the run as a whole. */
  latest: RunEvent | null;
}

/** Tells the steps of a run from its transitions (`run.*`, `step.*`, `check.finished`). */
export function journal(events: readonly RunEvent[]): Journal {
  const attempts: Attempt[] = [];
  let turn = 0;
  let waited = false;
  let latest: RunEvent | null = null;
  for (const event of events) {
    const current = attempts.at(-1);
    if (event.type.startsWith("run.")) latest = event;
    switch (event.type) {
      case "run.queued":
        if (waited) turn++;
        waited = false;
        break;
      case "run.waiting":
        waited = true;
        end(current, event);
        break;
      case "run.dispatching":
      case "run.landing":
        begin(attempts, event, turn);
        break;
      // Whoever has it next does all of it again.
      case "run.lost":
      case "run.away":
        if (current) current.lost ??= { seq: event.seq, reason: textOf(event, "reason") };
        end(current, event);
        break;
      case "run.failed":
      case "run.cancelled":
      case "run.rejected":
      case "run.succeeded":
        end(current, event);
        break;
      case "step.started":
        (current ?? begin(attempts, event, turn)).steps.push(started(event));
        break;
      case "step.finished":
        finished(current, event);
        break;
      case "check.finished":
        current?.steps.at(-1)?.checks.push(check(event));
        break;
      default:
    }
  }
  return { attempts, latest };
}

function begin(attempts: Attempt[], event: RunEvent, turn: number): Attempt {
  const epoch = numberOf(event, "epoch") ?? 0;
  const current = attempts.at(-1);
  const kind = event.type === "run.landing" ? "land" : "execute";
  // A landing is said when it is approved and again when a runner takes it.
  if (current && current.kind === kind && current.endedAt === null && current.steps.length === 0) {
    current.epoch = epoch;
    return current;
  }
  end(current, event);
  const attempt: Attempt = {
    epoch,
    kind,
    attempt: kind === "land" ? 1 : (numberOf(event, "attempt") ?? 1),
    turn,
    seq: event.seq,
    startedAt: event.ts,
    endedAt: null,
    lost: null,
    steps: [],
  };
  attempts.push(attempt);
  return attempt;
}

function end(attempt: Attempt | undefined, event: RunEvent): void {
  if (!attempt || attempt.endedAt !== null) return;
  attempt.endedAt = event.ts;
  for (const step of attempt.steps) {
    if (step.state !== "running") continue;
    step.state = attempt.lost ? "lost" : event.type === "run.cancelled" ? "cancelled" : "failed";
    step.finishedAt = event.ts;
    step.endSeq = event.seq;
  }
}

function started(event: RunEvent): StepRun {
  return {
    name: textOf(event, "step"),
    state: "running",
    seq: event.seq,
    endSeq: null,
    startedAt: event.ts,
    finishedAt: null,
    ms: null,
    exitCode: null,
    checks: [],
  };
}

/** States of a check that hold nothing up. */
const FINE = new Set(["passed", "skipped"]);
const STATES = new Set<string>(["done", "failed", "cancelled"]);

function finished(attempt: Attempt | undefined, event: RunEvent): void {
  const name = textOf(event, "step");
  const step = attempt?.steps.findLast((other) => other.name === name && other.endSeq === null);
  if (!step) return;
  const state = textOf(event, "state");
  step.state = STATES.has(state) ? (state as StepState) : "done";
  // The step itself went well, but a tick above a failed check would say that all is well.
  if (step.state === "done" && step.checks.some((one) => !FINE.has(one.state))) {
    step.state = "failed";
  }
  step.endSeq = event.seq;
  step.finishedAt = event.ts;
  step.ms = numberOf(event, "ms");
  step.exitCode = numberOf(event, "exit_code");
}

function check(event: RunEvent): CheckRun {
  return {
    name: textOf(event, "name"),
    state: textOf(event, "state"),
    seq: event.seq,
    ms: numberOf(event, "ms"),
    exitCode: numberOf(event, "exit_code"),
  };
}

/** How long a step took, or has taken by now. The runner's own count is better than two clocks. */
export function stepMs(step: StepRun, now: number): number {
  if (step.ms !== null) return step.ms;
  const end = step.finishedAt === null ? now : Date.parse(step.finishedAt);
  return Math.max(0, end - Date.parse(step.startedAt));
}

export interface Slice {
  key: string;
  name: string;
  state: StepState | "queue";
  ms: number;
  seq: number | null;
  /** Of all that is shown, from 0 to 1. */
  share: number;
}

/** Slices thinner than this cannot be seen or hit. */
const THINNEST = 0.015;

/** Where the machine's time went: the queue and all steps, in their order. A person's time is not in it. */
export function timeline(found: Journal, createdAt: string, now: number): Slice[] {
  const slices: Slice[] = [];
  const first = found.attempts[0];
  const queued = (first ? Date.parse(first.startedAt) : now) - Date.parse(createdAt);
  slices.push({
    key: "queue",
    name: "queue",
    state: "queue",
    ms: Math.max(0, queued),
    seq: null,
    share: 0,
  });
  for (const attempt of found.attempts) {
    for (const step of attempt.steps) {
      const ms = stepMs(step, now);
      slices.push({
        key: String(step.seq),
        name: step.name,
        state: step.state,
        ms,
        seq: step.seq,
        share: 0,
      });
    }
  }
  const total = slices.reduce((sum, slice) => sum + slice.ms, 0);
  if (total === 0) return [];
  for (const slice of slices) slice.share = Math.max(slice.ms / total, slice.ms > 0 ? THINNEST : 0);
  const shares = slices.reduce((sum, slice) => sum + slice.share, 0);
  for (const slice of slices) slice.share /= shares;
  return slices.filter((slice) => slice.share > 0);
}
