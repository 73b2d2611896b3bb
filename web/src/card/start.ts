import type * as api from "../api";

export type Agent = Pick<api.Agent, "id" | "name" | "labels">;
export type Runner = Pick<api.Runner, "state" | "labels" | "capacity" | "busy">;

/** The agent that is offered: the one used last, else the only one, else none: a choice is the person's. */
export function preselect(agents: readonly Agent[], last: string | null): string | null {
  if (agents.some((agent) => agent.id === last)) return last;
  return agents.length === 1 ? (agents[0]?.id ?? null) : null;
}

/** What keeps a run from starting now. All but the first let it wait in the queue. */
export type Hindrance =
  | { readonly kind: "no_agent" }
  | { readonly kind: "no_runner" }
  | { readonly kind: "no_runner_with_label"; readonly labels: readonly string[] }
  | { readonly kind: "dependency_unmet"; readonly count: number }
  | { readonly kind: "runners_busy" };

/** Null where the run would start at once as far as the page knows; an unknown (null) list of runners hinders nothing. */
export function hindrance(
  agents: readonly Agent[],
  runners: readonly Runner[] | null,
  agent: Agent | null,
  unmet: number,
): Hindrance | null {
  if (agents.length === 0) return { kind: "no_agent" };
  if (unmet > 0) return { kind: "dependency_unmet", count: unmet };
  if (runners === null) return null;
  const online = runners.filter((runner) => runner.state === "online");
  if (online.length === 0) return { kind: "no_runner" };
  const wanted = Object.entries(agent?.labels ?? {});
  const fitting = online.filter((runner) =>
    wanted.every(([name, value]) => runner.labels[name] === value),
  );
  if (fitting.length === 0) {
    return {
      kind: "no_runner_with_label",
      labels: wanted.map(([name, value]) => `${name}=${value}`),
    };
  }
  return fitting.some((runner) => runner.busy < runner.capacity) ? null : { kind: "runners_busy" };
}

/** The same on the command line. */
export function startCommand(card: string, agent: string | null): string {
  const named = agent && /^[\w.-]+$/.test(agent) ? ` --agent ${agent}` : "";
  return `freehold run start ${card}${named} --wait`;
}
