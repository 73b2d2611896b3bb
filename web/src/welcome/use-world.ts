import { useQuery } from "@tanstack/react-query";
import { queries } from "../api/queries";
import { currentProject } from "./checklist";

/** Somebody starts a runner in a terminal meanwhile; a lost hint must not leave them waiting. */
const LOOK_AGAIN_MS = 5_000;

/** What the first steps look at. `undefined` until all of it is there. */
export function useWorld() {
  const projects = useQuery(queries.projects());
  const runners = useQuery({
    ...queries.runners(),
    refetchInterval: (query) =>
      query.state.data?.some((runner) => runner.state !== "offline") ? false : LOOK_AGAIN_MS,
  });
  const agents = useQuery(queries.agents());
  const runs = useQuery(queries.runs());
  const project = currentProject(projects.data ?? []);
  const cards = useQuery({ ...queries.cards(project?.id ?? ""), enabled: project !== null });

  const all = [projects, runners, agents, runs, cards];
  const failed = all.find((query) => query.isError && query.data === undefined);
  const loaded =
    projects.data !== undefined &&
    runners.data !== undefined &&
    agents.data !== undefined &&
    runs.data !== undefined &&
    (project === null || cards.data !== undefined);
  return {
    world: loaded
      ? {
          projects: projects.data,
          runners: runners.data,
          agents: agents.data,
          runs: runs.data.items,
          cards: cards.data ?? [],
        }
      : undefined,
    project,
    error: failed?.error ?? null,
    retry: () => {
      for (const query of all) if (query.isError) query.refetch();
    },
  };
}
