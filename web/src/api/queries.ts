/** What views ask for: keys and how to load. `useQuery(queries.card(id))`. */

import { queryOptions } from "@tanstack/react-query";
import { api } from "./client";
import { session } from "./session";
import type { Page, RunState } from "./types";

/** The server's own bound on a page. */
const PAGE = 200;
/** Environments that have ended, on their page: what a person may still wonder about. */
const ENDED = 10;
/** 10,000 things: beyond that a list that holds all of them is the wrong tool. */
const PAGES_MAX = 50;

/** Follows a list to its end. */
export async function allPages<T>(load: (after?: string) => Promise<Page<T>>): Promise<T[]> {
  const items: T[] = [];
  let after: string | undefined;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const { items: more, next } = await load(after);
    items.push(...more);
    if (next === null || next === undefined) break;
    after = next;
  }
  return items;
}

export interface RunFilter {
  project?: string;
  card?: string;
  state?: readonly RunState[];
}

/** The keys alone, for `invalidateQueries` and `setQueryData`. */
export const keys = {
  me: ["me"] as const,
  ways: ["sign-in-ways"] as const,
  identities: ["identities"] as const,
  projects: ["projects"] as const,
  project: (id: string) => ["project", id] as const,
  cards: (project: string) => ["cards", project] as const,
  archived: (project: string) => ["archived", project] as const,
  card: (id: string) => ["card", id] as const,
  cardHistory: (id: string) => ["card-history", id] as const,
  /** Every list of runs, or the one of a filter. */
  runs: (filter?: RunFilter) =>
    filter === undefined ? (["runs"] as const) : (["runs", filter] as const),
  run: (id: string) => ["run", id] as const,
  steps: (run: string) => ["steps", run] as const,
  review: (run: string) => ["review", run] as const,
  base: (run: string) => ["base", run] as const,
  agents: ["agents"] as const,
  providers: ["providers"] as const,
  runners: ["runners"] as const,
  /** All that is known of environments; each list is a part. */
  environments: ["environments"] as const,
  inbox: ["inbox"] as const,
};

export const queries = {
  me: () =>
    queryOptions({
      queryKey: keys.me,
      async queryFn({ signal }) {
        const token = session.token();
        const me = await api.get("/me", { signal });
        if (token !== null) session.learn(token, me.tenant);
        return me;
      },
    }),

  /** How one signs in here; asked by whoever is not signed in. */
  ways: () =>
    queryOptions({
      queryKey: keys.ways,
      queryFn: ({ signal }) => api.get("/sign-in/ways", { signal, token: null }),
      retry: false,
    }),

  /** Who one is at providers of identities. */
  identities: () =>
    queryOptions({
      queryKey: keys.identities,
      queryFn: ({ signal }) => api.get("/account/identities", { signal }),
    }),

  projects: () =>
    queryOptions({
      queryKey: keys.projects,
      queryFn: ({ signal }) =>
        allPages((after) => api.get("/projects", { query: { after, limit: PAGE }, signal })),
    }),

  project: (id: string) =>
    queryOptions({
      queryKey: keys.project(id),
      queryFn: ({ signal }) => api.get("/projects/{project}", { path: { project: id }, signal }),
      // An answer keeps its tag only as the object that it is.
      structuralSharing: false,
    }),

  /** Every card of a project that is not archived. */
  cards: (project: string) =>
    queryOptions({
      queryKey: keys.cards(project),
      queryFn: ({ signal }) =>
        allPages((after) => api.get("/cards", { query: { project, after, limit: PAGE }, signal })),
    }),

  archived: (project: string) =>
    queryOptions({
      queryKey: keys.archived(project),
      queryFn: ({ signal }) =>
        allPages((after) =>
          api.get("/cards", { query: { project, archived: true, after, limit: PAGE }, signal }),
        ),
    }),

  card: (id: string) =>
    queryOptions({
      queryKey: keys.card(id),
      queryFn: ({ signal }) => api.get("/cards/{card}", { path: { card: id }, signal }),
    }),

  cardHistory: (id: string) =>
    queryOptions({
      queryKey: keys.cardHistory(id),
      queryFn: ({ signal }) =>
        allPages((after) =>
          api.get("/cards/{card}/history", {
            path: { card: id },
            query: { after, limit: PAGE },
            signal,
          }),
        ),
    }),

  /** The newest page; `{ items, next }`. */
  runs: (filter: RunFilter = {}) =>
    queryOptions({
      queryKey: keys.runs(filter),
      queryFn: ({ signal }) =>
        api.get("/runs", {
          query: {
            project: filter.project,
            card: filter.card,
            state: filter.state?.join(","),
            limit: PAGE,
          },
          signal,
        }),
    }),

  run: (id: string) =>
    queryOptions({
      queryKey: keys.run(id),
      queryFn: ({ signal }) => api.get("/runs/{run}", { path: { run: id }, signal }),
    }),

  steps: (run: string) =>
    queryOptions({
      queryKey: keys.steps(run),
      // One part holds them all.
      queryFn: async ({ signal }) =>
        (await api.get("/runs/{run}/steps", { path: { run }, signal })).items,
    }),

  review: (run: string) =>
    queryOptions({
      queryKey: keys.review(run),
      queryFn: ({ signal }) => api.get("/runs/{run}/review", { path: { run }, signal }),
    }),

  /** Asks a runner, so it can take seconds and is asked for rarely. */
  base: (run: string, commit: string | null) =>
    queryOptions({
      queryKey: [...keys.base(run), commit],
      queryFn: ({ signal }) => api.get("/runs/{run}/base", { path: { run }, signal }),
    }),

  agents: () =>
    queryOptions({
      queryKey: keys.agents,
      queryFn: ({ signal }) =>
        allPages((after) => api.get("/agents", { query: { after, limit: PAGE }, signal })),
    }),

  providers: () =>
    queryOptions({
      queryKey: keys.providers,
      queryFn: ({ signal }) =>
        allPages((after) => api.get("/providers", { query: { after, limit: PAGE }, signal })),
    }),

  runners: () =>
    queryOptions({
      queryKey: keys.runners,
      queryFn: ({ signal }) =>
        allPages((after) => api.get("/runners", { query: { after, limit: PAGE }, signal })),
    }),

  /** Those that have not ended. */
  environments: () =>
    queryOptions({
      queryKey: [...keys.environments, "active"],
      queryFn: ({ signal }) =>
        allPages((after) =>
          api.get("/environments", { query: { active: true, after, limit: PAGE }, signal }),
        ),
    }),

  /** The last that ended. */
  environmentsEnded: () =>
    queryOptions({
      queryKey: [...keys.environments, "ended"],
      queryFn: async ({ signal }) =>
        (await api.get("/environments", { query: { active: false, limit: ENDED }, signal })).items,
    }),

  environmentLimits: () =>
    queryOptions({
      queryKey: [...keys.environments, "limits"],
      queryFn: ({ signal }) => api.get("/environments/limits", { signal }),
    }),

  environmentUsage: () =>
    queryOptions({
      queryKey: [...keys.environments, "usage"],
      queryFn: ({ signal }) => api.get("/environments/usage", { signal }),
    }),

  inbox: () =>
    queryOptions({
      queryKey: keys.inbox,
      queryFn: ({ signal }) =>
        allPages((after) => api.get("/inbox", { query: { after, limit: PAGE }, signal })),
    }),
} as const;
