import type { Run } from "../api/types";
import { reasons, reasonText } from "../strings/reasons";
import { run as words } from "../strings/run";
import { ButtonLink, Callout } from "../ui";
import { plainOutput } from "./plain-output";

type CalloutTone = "neutral" | "info" | "warn" | "danger" | "accent" | "ok";

/** Reasons of a run that only waits its turn: nobody has to do anything. */
const PATIENT = new Set([
  "runners_busy",
  "run_limit",
  "environment_limit",
  "environment_stopping",
  "runner_lost",
  "dependency_unmet",
]);

function tone(run: Run): CalloutTone {
  if (run.state === "failed") return "danger";
  if (run.state === "rejected" || run.state === "waiting") return "warn";
  if (run.state === "cancelled" || run.state === "succeeded") return "neutral";
  return PATIENT.has(run.reason ?? "") ? "neutral" : "warn";
}

type Goal = keyof typeof words.reason.places;

/** Where a person goes to mend it. */
const GOAL: Record<string, Goal> = {
  dependency_unmet: "board",
  no_runner: "runners",
  no_runner_with_label: "runners",
  runners_busy: "runners",
  attempts_exhausted: "runners",
  remote_not_found: "project",
  target_missing: "project",
  directory_missing: "project",
  setup_failed: "output",
  agent_missing: "agents",
  agent_failed: "output",
  agent_stalled: "output",
  timed_out: "agents",
  model_unreachable: "providers",
  provider_key: "providers",
  checks: "output",
  checks_on_result: "output",
};

function Way({ run, goal }: { run: Run; goal: Goal }) {
  const label = words.reason.places[goal];
  const { project, id } = run;
  switch (goal) {
    case "output":
      return (
        <ButtonLink
          size="sm"
          to="/runs/$run"
          params={{ run: id }}
          search={{ tab: "output" }}
          replace
        >
          {label}
        </ButtonLink>
      );
    case "runners":
      return (
        <ButtonLink size="sm" to="/runners">
          {label}
        </ButtonLink>
      );
    case "providers":
      return (
        <ButtonLink size="sm" to="/settings/providers">
          {label}
        </ButtonLink>
      );
    case "agents":
      return (
        <ButtonLink size="sm" to="/settings/agents">
          {label}
        </ButtonLink>
      );
    case "project":
      return (
        <ButtonLink size="sm" to="/projects/$project/settings" params={{ project }}>
          {label}
        </ButtonLink>
      );
    case "board":
      return (
        <ButtonLink
          size="sm"
          to="/projects/$project"
          params={{ project }}
          search={{ card: run.card }}
        >
          {label}
        </ButtonLink>
      );
  }
}

/** Why the run is where it is, and what to do about it. Nothing where its state says it all. */
export function Reason({ run }: { run: Run }) {
  if (!run.reason) {
    const why = words.reason.why;
    if (run.state === "queued") return <Callout tone="neutral">{why.queued}</Callout>;
    if (run.state === "landing") return <Callout tone="info">{why.landing}</Callout>;
    return null;
  }
  const next = reasons[run.reason]?.next;
  const goal = GOAL[run.reason];
  // Which remote it is, and when it is asked again, stands before what was heard of it.
  const isAway = run.waiting_for === "remote";
  const [first = "", ...rest] = plainOutput(run.detail ?? "")
    .trim()
    .split("\n");
  return (
    <Callout
      tone={tone(run)}
      title={reasonText(run.reason)}
      action={goal && <Way run={run} goal={goal} />}
    >
      {next && <p>{next}</p>}
      {first !== "" && (rest.length === 0 || isAway) && (
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
            {(isAway ? rest : [first, ...rest]).join("\n")}
          </pre>
        </details>
      )}
    </Callout>
  );
}
