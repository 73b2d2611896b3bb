/** Hints of the server that something has changed. They say where to look, never what is there. */

import type { SseEvent } from "./sse";
import type { RunState } from "./types";

export type Noun = "project" | "agent" | "provider" | "runner" | "environment";

export interface RunChange {
  kind: "run";
  run: string;
  card: string;
  project: string;
  state: RunState;
  last_seq: number;
  epoch: number;
}

export type Change =
  | RunChange
  | { kind: "card"; card: string; project: string }
  | { kind: "settings"; noun: Noun }
  /** Hints were lost: everything that is shown must be looked at again. */
  | { kind: "resync" };

export type Message = Change | { kind: "hello"; version: string } | { kind: "signed_out" };

/** What an event of `/changes` says; null for one that a newer server may send. */
export function parseChange({ event, data }: SseEvent): Message | null {
  let body: Record<string, unknown>;
  try {
    const parsed: unknown = JSON.parse(data);
    if (typeof parsed !== "object" || parsed === null) return null;
    body = parsed as Record<string, unknown>;
  } catch {
    return null;
  }
  switch (event) {
    case "hello":
      return { kind: "hello", version: text(body.version) };
    case "run":
      return {
        kind: "run",
        run: text(body.run),
        card: text(body.card),
        project: text(body.project),
        state: text(body.state) as RunState,
        last_seq: number(body.last_seq),
        epoch: number(body.epoch),
      };
    case "card":
      return { kind: "card", card: text(body.card), project: text(body.project) };
    case "settings":
      return { kind: "settings", noun: text(body.noun) as Noun };
    case "resync":
      return { kind: "resync" };
    case "signed_out":
      return { kind: "signed_out" };
    default:
      return null;
  }
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function number(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}
