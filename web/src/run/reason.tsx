import type { ReactNode } from "react";
import type { Run } from "../api/types";
import { reasons, reasonText } from "../strings/reasons";
import { run as words } from "../strings/run";
import { Callout } from "../ui";
import { plainOutput } from "./plain-output";

type CalloutTone = "neutral" | "info" | "warn" | "danger" | "accent" | "ok";

/** Reasons of a run that only waits its turn: nobody has to do anything. */
const PATIENT = new Set(["runners_busy", "runner_lost", "dependency_unmet"]);

function tone(run: Run): CalloutTone {
  if (run.state === "failed") return "danger";
  if (run.state === "rejected" || run.state === "waiting") return "warn";
  if (run.state === "cancelled" || run.state === "succeeded") return "neutral";
  return PATIENT.has(run.reason ?? "") ? "neutral" : "warn";
}

/** Why the run is where it is, and what to do about it. Nothing where its state says it all. */
export function Reason({ run, action }: { run: Run; action?: ReactNode }) {
  if (!run.reason) {
    const why = words.reason.why;
    if (run.state === "queued") return <Callout tone="neutral">{why.queued}</Callout>;
    return null;
  }
  const next = reasons[run.reason]?.next;
  const [first = "", ...rest] = plainOutput(run.detail ?? "")
    .trim()
    .split("\n");
  return (
    <Callout tone={tone(run)} title={reasonText(run.reason)} action={action}>
      {next && <p>{next}</p>}
      {first !== "" && rest.length === 0 && (
        <p dir="auto" className="font-mono text-sm">
          {first}
        </p>
      )}
      {rest.length > 0 && (
        <details open={run.state === "failed" && rest.length < 8}>
          <summary className="cursor-pointer text-sm">{words.reason.detail}</summary>
          <pre
            // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys.
            tabIndex={0}
            dir="auto"
            className="mt-1 max-h-48 overflow-auto whitespace-pre-wrap font-mono text-sm"
          >
            {[first, ...rest].join("\n")}
          </pre>
        </details>
      )}
    </Callout>
  );
}
