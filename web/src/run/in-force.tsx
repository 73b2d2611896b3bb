import { TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import type { Run } from "../api/types";
import { run as words } from "../strings/run";
import { Badge } from "../ui";
import { amount } from "./limit-amount";

type Step = NonNullable<Run["in_force"]>[number];

/** How the run is kept apart; in plain sight where it is not. */
export function IsolationName({ isolation }: { isolation: string }) {
  const { facts } = words;
  const name = facts.isolations[isolation] ?? isolation;
  if (isolation !== "none" && isolation !== "worktree") return name;
  return (
    <Badge tone="warn" icon={<TriangleAlert aria-hidden />}>
      {name}
    </Badge>
  );
}

/** What really stood around each step, and what it used. */
export function InForce({ steps }: { steps: readonly Step[] }) {
  return (
    <ul className="flex min-w-0 flex-col gap-1">
      {steps.map((step) => (
        <li key={`${step.epoch} ${step.step}`}>
          <details>
            <summary className="cursor-pointer">
              {words.stepName(step.step)}
              <span className="text-faint"> {words.inForce.summary(walls(step))}</span>
            </summary>
            <StepFacts step={step} />
          </details>
          {step.hit && <Badge tone="danger">{words.inForce.hit(step.hit)}</Badge>}
        </li>
      ))}
    </ul>
  );
}

function walls(step: Step): string[] {
  const { inForce, facts } = words;
  return [
    facts.isolations[step.isolation] ?? step.isolation,
    step.launcher ?? "",
    step.landlock ? inForce.landlock(step.landlock) : "",
    step.filter ? inForce.filter : "",
    step.own_uid ? inForce.ownUser : "",
    step.cgroup ? inForce.cgroup(step.cgroup) : "",
  ].filter((part) => part !== "");
}

function StepFacts({ step }: { step: Step }) {
  const { inForce } = words;
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-3 py-1 text-sm">
      {(step.limits ?? []).map((bound) => (
        <Row key={bound.limit} name={inForce.limits[bound.limit] ?? bound.limit}>
          {bound.used == null
            ? amount(bound.limit, bound.value)
            : inForce.of(amount(bound.limit, bound.used), amount(bound.limit, bound.value))}
          {!bound.held && <span className="text-warn-ink"> {inForce.notHeld}</span>}
        </Row>
      ))}
      {step.cpu_ms != null && <Row name={inForce.processor}>{seconds(step.cpu_ms)}</Row>}
      <Row name={inForce.time}>{seconds(step.wall_ms ?? 0)}</Row>
    </dl>
  );
}

function Row({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-faint">{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
