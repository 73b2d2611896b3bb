/** What an environment's page shows of its numbers. Pure. */

const ORDER: Record<string, number> = {
  busy: 0,
  ready: 1,
  idle: 2,
  starting: 3,
  requested: 4,
  stopping: 5,
};

interface Life {
  id: string;
  state: string;
  project_name: string;
}

/** Those at work first, then those at hand, then those that come and go; each by project. */
export function byUse<T extends Life>(environments: readonly T[]): T[] {
  return [...environments].sort(
    (a, b) =>
      (ORDER[a.state] ?? 6) - (ORDER[b.state] ?? 6) ||
      a.project_name.localeCompare(b.project_name) ||
      a.id.localeCompare(b.id),
  );
}

/** Projects that have no environment that takes jobs or is on its way: for these one can be begun. */
export function startable<P extends { id: string }>(
  projects: readonly P[],
  environments: readonly { project: string; state: string }[],
): P[] {
  const there = new Set(
    environments.filter((one) => one.state !== "stopping").map((one) => one.project),
  );
  return projects.filter((project) => !there.has(project.id));
}

/** Whole seconds as a person reads them: "2 h 05 min", "3 min 20 s", "20 s". */
export function activeFor(seconds: number): string {
  const [hours, minutes, rest] = [
    Math.floor(seconds / 3600),
    Math.floor(seconds / 60) % 60,
    Math.floor(seconds) % 60,
  ];
  if (hours > 0) return `${hours} h ${pad(minutes)} min`;
  return minutes > 0 ? `${minutes} min ${pad(rest)} s` : `${rest} s`;
}

function pad(n: number): string {
  return String(n).padStart(2, "0");
}

/** Whether it can be told to stop: it has not ended, and is not about to. */
export function canStop(state: string): boolean {
  return state in ORDER && state !== "stopping";
}
