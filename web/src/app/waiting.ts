import { useQuery } from "@tanstack/react-query";
import { type InboxItem, queries } from "../api";

export interface Waiting {
  total: number;
  byProject: ReadonlyMap<string, number>;
}

/** How much waits for a person, in all and by project. Pure. */
export function countWaiting(items: readonly InboxItem[]): Waiting {
  const byProject = new Map<string, number>();
  for (const { run } of items) {
    byProject.set(run.project, (byProject.get(run.project) ?? 0) + 1);
  }
  return { total: items.length, byProject };
}

export function useWaiting(): Waiting {
  const inbox = useQuery({ ...queries.inbox(), select: countWaiting });
  return inbox.data ?? { total: 0, byProject: new Map() };
}
