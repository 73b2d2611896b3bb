/** Who may decide what now, and what to think of first. Pure. */

import type { Base, Run, RunState } from "../api/types";

export type Phase =
  | "decide"
  | "working"
  | "landing"
  | "landed"
  | "rejected"
  | "cancelled"
  | "failed"
  | "nothing";

/** Before approving, these are named and confirmed. */
export type Doubt =
  | { kind: "checks"; names: string[] }
  | { kind: "no_checks" }
  | { kind: "moved" }
  | { kind: "flagged"; paths: string[] }
  | { kind: "unread"; files: number }
  /** There is work, but no line of it was on the page. */
  | { kind: "no_diff" }
  | { kind: "comments"; count: number };

export interface Facts {
  run: Run;
  /** The commit whose diff is on the page; null while none is. */
  seen: string | null;
  base: Base | null;
  /** Flagged files that are not marked as viewed. */
  flaggedUnseen: string[];
  /** Parts of the diff that could not be shown. */
  unreadable: number;
  /** The diff came without a file. */
  noDiff: boolean;
  comments: number;
  evidence: readonly { name: string; state: string }[];
}

export type Block =
  | "not_loaded"
  | "changed"
  | "working"
  | "landing"
  | "ended"
  | "no_work"
  | "decider"
  | "developer";

/** What the person may do, by the table of permissions. */
export interface May {
  approve: boolean;
  reject: boolean;
  reply: boolean;
}

export interface Decision {
  phase: Phase;
  /** Why each is not possible; null where it is. */
  approve: Block | null;
  reject: Block | null;
  reply: Block | null;
  doubts: Doubt[];
}

const WORKING: readonly RunState[] = ["queued", "dispatching", "running"];

export function phaseOf(run: Run): Phase {
  if (WORKING.includes(run.state)) return "working";
  if (run.state === "landing") return "landing";
  if (run.state === "rejected") return "rejected";
  if (run.state === "cancelled") return "cancelled";
  if (run.state === "succeeded") return run.landed ? "landed" : "nothing";
  if (run.state === "failed") return "failed";
  return run.commit ? "decide" : "nothing";
}

export function decide(facts: Facts): Decision {
  const { run, seen } = facts;
  const phase = phaseOf(run);
  const block = blockOf(phase);
  const unseen = seen === null ? "not_loaded" : seen !== run.commit ? "changed" : null;
  return {
    phase,
    approve: block ?? unseen,
    reject: block,
    // A run that has ended is answered by a new one; only one that works takes no words.
    reply: phase === "working" || phase === "landing" ? block : null,
    doubts: doubtsOf(facts),
  };
}

/** The same for somebody who may not do all of it. */
export function allowed(decision: Decision, may: May): Decision {
  const { approve, reject, reply } = decision;
  return {
    ...decision,
    approve: approve ?? (may.approve ? null : "decider"),
    reject: reject ?? (may.reject ? null : "decider"),
    reply: reply ?? (may.reply ? null : "developer"),
  };
}

function blockOf(phase: Phase): Block | null {
  if (phase === "decide") return null;
  if (phase === "working" || phase === "landing") return phase;
  return phase === "nothing" ? "no_work" : "ended";
}

function doubtsOf(facts: Facts): Doubt[] {
  const red = facts.evidence.filter((check) => check.state !== "passed").map((check) => check.name);
  const doubts: Doubt[] = [];
  if (red.length > 0) doubts.push({ kind: "checks", names: red });
  if (facts.evidence.length === 0) doubts.push({ kind: "no_checks" });
  if (facts.base?.state === "moved") doubts.push({ kind: "moved" });
  if (facts.flaggedUnseen.length > 0) doubts.push({ kind: "flagged", paths: facts.flaggedUnseen });
  if (facts.unreadable > 0) doubts.push({ kind: "unread", files: facts.unreadable });
  if (facts.noDiff) doubts.push({ kind: "no_diff" });
  if (facts.comments > 0) doubts.push({ kind: "comments", count: facts.comments });
  return doubts;
}

/** Whether these doubts ask for a second click; the others are only told. */
export function needsConfirm(doubts: readonly Doubt[]): boolean {
  return doubts.some((doubt) => doubt.kind !== "no_checks");
}
