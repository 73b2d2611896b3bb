import { AGENT_KINDS, isProblem, RUN_KINDS, type RunEvent, STEP_KINDS } from "./event";

/** What the activity can be narrowed to. `all` is random access; the others are asked of the server by kind. */
export type Filter = "all" | "quiet" | "agent" | "problems";

export const FILTERS: readonly Filter[] = ["all", "quiet", "agent", "problems"];

interface Narrow {
  kinds: readonly string[];
  keep?: (event: RunEvent) => boolean;
}

const NARROW: Record<Exclude<Filter, "all">, Narrow> = {
  quiet: { kinds: [...RUN_KINDS, ...STEP_KINDS, ...AGENT_KINDS, "note"] },
  agent: { kinds: AGENT_KINDS },
  problems: {
    kinds: [
      "run.failed",
      "run.lost",
      "run.away",
      "run.rejected",
      "run.cancelled",
      "run.waiting",
      "step.finished",
      "check.finished",
      "agent.tool",
      "agent.permission",
    ],
    keep: isProblem,
  },
};

export function narrow(filter: Exclude<Filter, "all">): Narrow {
  return NARROW[filter];
}

export function isFilter(text: string): text is Filter {
  return (FILTERS as readonly string[]).includes(text);
}

/** Kinds from which the steps of a run are told. */
export const JOURNAL_KINDS: readonly string[] = [...RUN_KINDS, ...STEP_KINDS];
