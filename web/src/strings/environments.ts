/** Environments: projects that a runner has at hand. */
export const environments = {
  title: "Environments",
  lead: "A project's place on a runner: its fetched repository and what its setup made, so that a run begins at once. A run makes its own; one that nobody uses is stopped.",
  start: "Make a project ready",
  startNone: "Every project has one",
  started: (project: string) => `${project} is being made ready`,
  summary: (placed: number, most: number) => `${placed} of ${most} in use`,
  idleRule: (minutes: number) =>
    minutes === 1 ? "Stopped after 1 idle minute" : `Stopped after ${minutes} idle minutes`,
  used: (time: string) => `${time} active in the last 31 days`,
  states: {
    requested: "Requested",
    starting: "Starting",
    ready: "Ready",
    busy: "Busy",
    idle: "Idle",
    stopping: "Stopping",
    stopped: "Stopped",
    failed: "Failed",
  } as Record<string, string>,
  stateHints: {
    requested: "Waits for a runner, or for the limit",
    starting: "A runner fetches the project and runs its setup",
    ready: "The next run begins at once",
    busy: "At least one job is in it",
    idle: "Nothing is done in it now",
    stopping: "Takes no more jobs, and ends when those in it have ended",
    stopped: "Its runner has forgotten the project",
    failed: "Something went wrong",
  } as Record<string, string>,
  facts: {
    runner: "Runner",
    jobs: "Jobs",
    since: "Since",
    idleFor: "Idle since",
    stops: "Stops",
    active: "Active for",
    ended: "Ended",
    asked: "Asked for",
  },
  noRunner: "none yet",
  kept: (n: number) =>
    n === 1
      ? "The workspace of 1 run was kept on the runner: what is in it is not on the git remote."
      : `The workspaces of ${n} runs were kept on the runner: what is in them is not on the git remote.`,
  stop: "Stop",
  stopLabel: (project: string) => `Stop the environment of ${project}`,
  stopDialog: {
    title: (project: string) => `Stop the environment of ${project}?`,
    idle: "The runner forgets the project and gives the disk space back. The next run fetches it again.",
    busy: (n: number) =>
      n === 1
        ? "1 job is at work in it. It goes on; the environment takes no more, and ends with it."
        : `${n} jobs are at work in it. They go on; the environment takes no more, and ends with them.`,
    work: "No work is lost: it is on the git remote, and a reply goes on from there. A workspace with something that is not there is kept.",
    confirm: "Stop",
    done: (project: string) => `The environment of ${project} is stopping`,
  },
  ended: "Ended",
  empty: {
    title: "No environment is active",
    body: "A run begins its project's by itself. Make a project ready before, and its next run begins at once.",
  },
} as const;
