export type VersionState = "same" | "older" | "newer" | "unknown";

/** A runner's version beside the server's. Unknown before the runner connected for the first time. */
export function versionState(runner: string, server: string): VersionState {
  const [a, b] = [numbers(runner), numbers(server)];
  if (a === null || b === null) return runner !== "" && runner === server ? "same" : "unknown";
  for (let i = 0; i < 3; i += 1) {
    const by = (a[i] ?? 0) - (b[i] ?? 0);
    if (by !== 0) return by < 0 ? "older" : "newer";
  }
  return "same";
}

function numbers(version: string): number[] | null {
  const found = /^v?(\d+)\.(\d+)\.(\d+)/.exec(version);
  return found === null ? null : found.slice(1).map(Number);
}

/** More than this are shown as a bar, not as one mark each. */
export const SLOTS_DRAWN = 16;

/** Slots as a picture: so many full, so many free. A runner can hold more than it now says it takes. */
export function slots(
  busy: number,
  capacity: number,
): { full: number; free: number; over: number } {
  return {
    full: Math.min(busy, capacity),
    free: Math.max(0, capacity - busy),
    over: Math.max(0, busy - capacity),
  };
}

export type RunnerState = "online" | "draining" | "offline";
const ORDER: Record<string, number> = { online: 0, draining: 1, offline: 2 };

/** Those that work first; then by name. */
export function byState<T extends { state: string; name: string; id: string }>(
  runners: readonly T[],
): T[] {
  return [...runners].sort(
    (a, b) =>
      (ORDER[a.state] ?? 3) - (ORDER[b.state] ?? 3) ||
      a.name.localeCompare(b.name) ||
      a.id.localeCompare(b.id),
  );
}

/** Room for work over all that take it. */
export function room(runners: readonly { state: string; busy: number; capacity: number }[]): {
  busy: number;
  capacity: number;
} {
  const working = runners.filter((runner) => runner.state === "online");
  return {
    busy: working.reduce((sum, runner) => sum + runner.busy, 0),
    capacity: working.reduce((sum, runner) => sum + runner.capacity, 0),
  };
}
