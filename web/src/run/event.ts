// Reading a run's events. Payloads come from runners of any version and, in part, from agents:
// nothing about their shape is taken for granted here, and nothing of them is interpreted.

/** One fact about a run. `seq` counts from 1 without gaps. */
export interface RunEvent {
  seq: number;
  ts: string;
  type: string;
  payload: unknown;
}

/** Kinds that an agent causes. */
export const AGENT_KINDS = [
  "agent.message",
  "agent.thought",
  "agent.tool",
  "agent.plan",
  "agent.permission",
  "agent.usage",
] as const;

/** Transitions of the run itself. */
export const RUN_KINDS = [
  "run.queued",
  "run.dispatching",
  "run.running",
  "run.waiting",
  "run.landing",
  "run.succeeded",
  "run.failed",
  "run.cancelled",
  "run.rejected",
  "run.lost",
  "run.away",
  "run.stopping",
] as const;

export const STEP_KINDS = ["step.started", "step.finished", "check.finished"] as const;

function field(payload: unknown, name: string): unknown {
  if (typeof payload !== "object" || payload === null) return undefined;
  return Object.hasOwn(payload, name) ? (payload as Record<string, unknown>)[name] : undefined;
}

/** The text in a field of the payload; empty where there is none. */
export function textOf(event: RunEvent, name: string): string {
  const value = field(event.payload, name);
  return typeof value === "string" ? value : "";
}

/** The number in a field of the payload. */
export function numberOf(event: RunEvent, name: string): number | null {
  const value = field(event.payload, name);
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** The texts of a list in the payload. */
export function textsOf(event: RunEvent, name: string): string[] {
  const value = field(event.payload, name);
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

export interface PlanEntry {
  content: string;
  status: string;
}

export function planOf(event: RunEvent): PlanEntry[] {
  const value = field(event.payload, "entries");
  if (!Array.isArray(value)) return [];
  return value.map((entry) => {
    const content = field(entry, "content");
    const status = field(entry, "status");
    return {
      content: typeof content === "string" ? content : "",
      status: typeof status === "string" ? status : "pending",
    };
  });
}

/** A line of the protocol that is spoken with an agent; what it means stands in `agent.*` beside it. */
export function isProtocol(event: RunEvent): boolean {
  return event.type === "output" && textOf(event, "stream") === "protocol";
}

/** The bytes of an output event. Bytes that are no UTF-8 and text full of control characters come as base64. */
export function outputBytes(event: RunEvent): string | Uint8Array {
  const coded = field(event.payload, "base64");
  if (typeof coded !== "string") return textOf(event, "text");
  try {
    const raw = atob(coded);
    const bytes = new Uint8Array(raw.length);
    for (let at = 0; at < raw.length; at++) bytes[at] = raw.charCodeAt(at);
    return bytes;
  } catch {
    return "";
  }
}

/** An output event as text; what is no UTF-8 becomes replacement characters. */
export function outputText(event: RunEvent): string {
  const bytes = outputBytes(event);
  return typeof bytes === "string" ? bytes : new TextDecoder().decode(bytes);
}

/** Text kept of one output event; the rest is fetched again when somebody unfolds it. */
export const OUTPUT_KEPT = 8 * 1024;

/**
 * The event without most of a large output's text: 64 KiB an event and 200 events a page would
 * make a page of twelve megabytes, of which a folded row shows ten lines.
 */
export function trimmed(event: RunEvent): RunEvent {
  if (event.type !== "output") return event;
  const text = outputText(event);
  const plain = field(event.payload, "base64") === undefined;
  if (plain && text.length <= OUTPUT_KEPT) return event;
  const kept =
    text.length <= OUTPUT_KEPT
      ? { text, cut: 0 }
      : {
          text: `${text.slice(0, OUTPUT_KEPT / 2)}\n${text.slice(-OUTPUT_KEPT / 2)}`,
          cut:
            countLines(text) -
            countLines(text.slice(0, OUTPUT_KEPT / 2)) -
            countLines(text.slice(-OUTPUT_KEPT / 2)),
        };
  const { step, stream } = { step: textOf(event, "step"), stream: textOf(event, "stream") };
  return {
    ...event,
    payload: {
      step,
      stream,
      text: kept.text,
      cut: Math.max(kept.cut, 0),
      whole: text.length <= OUTPUT_KEPT,
    },
  };
}

/** Whether `trimmed` took something away. */
export function isTrimmed(event: RunEvent): boolean {
  return field(event.payload, "whole") === false;
}

/** About how much memory an event holds, in characters. */
export function weight(event: RunEvent): number {
  const payload = event.payload;
  if (typeof payload !== "object" || payload === null) return 64;
  let sum = 64;
  for (const value of Object.values(payload)) sum += typeof value === "string" ? value.length : 16;
  return sum;
}

export function countLines(text: string): number {
  let lines = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines++;
  return text.length > 0 && !text.endsWith("\n") ? lines + 1 : lines;
}

/** Whether something went wrong here: what the filter "only problems" shows. */
export function isProblem(event: RunEvent): boolean {
  const state = textOf(event, "state");
  switch (event.type) {
    case "run.failed":
    case "run.lost":
    case "run.away":
    case "run.rejected":
    case "run.cancelled":
      return true;
    case "run.waiting":
      return textOf(event, "reason") !== "";
    case "step.finished":
      return state === "failed";
    case "check.finished":
      return state === "failed" || state === "timed_out";
    case "agent.tool":
      return textOf(event, "status") === "failed";
    case "agent.permission":
      return !textOf(event, "answered").startsWith("allow");
    default:
      return false;
  }
}
