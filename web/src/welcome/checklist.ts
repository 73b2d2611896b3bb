/** From nothing to the first landed commit, in the order in which each needs the one before. */
export const STEPS = ["runner", "project", "agent", "card", "start", "review", "landed"] as const;
export type StepId = (typeof STEPS)[number];

export type StepState = "done" | "now" | "later";

/** What is looked at. All of it comes from the server, so a reload goes on where one was. */
export interface World {
  runners: readonly { id: string; name: string; state: string }[];
  projects: readonly { id: string; name: string }[];
  agents: readonly { id: string; name: string }[];
  /** Of the project that is being set up. */
  cards: readonly { id: string; title: string; landed: boolean; archived_at?: string | null }[];
  /** Newest first, of all projects. */
  runs: readonly RunLike[];
}

export interface RunLike {
  id: string;
  card: string;
  project: string;
  state: string;
  landed?: string | null;
}

export interface Checklist {
  steps: { id: StepId; state: StepState }[];
  /** The step to do now; null when the first commit has landed. */
  now: StepId | null;
  /** The card to start an agent on. */
  card: World["cards"][number] | null;
  /** The run that the last steps are about: the latest of the project. */
  run: RunLike | null;
}

/** States in which an agent has the card, or is about to. */
const AT_WORK = new Set(["queued", "dispatching", "running"]);
/** States that ended without a commit: the review step says how to go on. */
const ENDED = new Set(["failed", "cancelled", "rejected"]);

/** The project that is being set up: the newest, because that is what somebody just added. */
export function currentProject<T>(projects: readonly T[]): T | null {
  return projects.at(-1) ?? null;
}

export function checklist(world: World): Checklist {
  const project = currentProject(world.projects);
  const cards = world.cards.filter((card) => !card.archived_at);
  const run = world.runs.find((one) => one.project === project?.id) ?? null;
  const landed = world.runs.some((one) => hasLanded(one)) || cards.some((card) => card.landed);
  const done: Record<StepId, boolean> = {
    runner: world.runners.some((runner) => runner.state !== "offline"),
    project: project !== null,
    agent: world.agents.length > 0,
    card: cards.length > 0,
    start: run !== null,
    review: run !== null && (run.state === "landing" || hasLanded(run)),
    landed,
  };
  // Whoever has landed one knows the way: what is missing later is no first step any more.
  const now = landed ? null : (STEPS.find((id) => !done[id]) ?? null);
  return {
    steps: STEPS.map((id) => ({ id, state: stateOf(landed || done[id], id === now) })),
    now,
    card: cards.find((card) => card.id === run?.card) ?? cards[0] ?? null,
    run,
  };
}

function stateOf(done: boolean, now: boolean): StepState {
  if (now) return "now";
  return done ? "done" : "later";
}

function hasLanded(run: RunLike): boolean {
  return run.state === "succeeded" && run.landed != null;
}

export type RunPhase = "none" | "at_work" | "decide" | "landing" | "ended" | "nothing" | "landed";

/** What the review step is about. */
export function phase(run: RunLike | null): RunPhase {
  if (run === null) return "none";
  if (AT_WORK.has(run.state)) return "at_work";
  if (run.state === "waiting") return "decide";
  if (run.state === "landing") return "landing";
  if (ENDED.has(run.state)) return "ended";
  return hasLanded(run) ? "landed" : "nothing";
}
