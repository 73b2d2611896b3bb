/** What the pages about people, tokens and the audit log ask for. */

import { queryOptions } from "@tanstack/react-query";
import { api } from "./client";
import { allPages } from "./queries";

/** The server's own bound on a page. */
const PAGE = 200;
/** No hint tells of people and tokens; what another person changed is seen this soon. */
const LOOK_AGAIN_MS = 10_000;

export const peopleKeys = {
  account: ["account"] as const,
  sessions: ["sessions"] as const,
  organizations: ["organizations"] as const,
  members: ["members"] as const,
  seats: ["seats"] as const,
  invitations: ["invitations"] as const,
  groups: ["group-roles"] as const,
  tokens: ["tokens"] as const,
  serviceTokens: ["service-tokens"] as const,
  audit: ["audit"] as const,
  auditHead: ["audit-head"] as const,
};

/** Looked at afresh each time, and again while it is looked at. */
const CHANGING = { staleTime: 0, refetchInterval: LOOK_AGAIN_MS, refetchOnWindowFocus: true };

export const peopleQueries = {
  account: () =>
    queryOptions({
      queryKey: peopleKeys.account,
      queryFn: ({ signal }) => api.get("/account", { signal }),
      staleTime: 0,
    }),

  sessions: () =>
    queryOptions({
      queryKey: peopleKeys.sessions,
      queryFn: async ({ signal }) => (await api.get("/account/sessions", { signal })).items,
      ...CHANGING,
    }),

  organizations: () =>
    queryOptions({
      queryKey: peopleKeys.organizations,
      queryFn: async ({ signal }) => (await api.get("/account/organizations", { signal })).items,
    }),

  members: () =>
    queryOptions({
      queryKey: peopleKeys.members,
      queryFn: ({ signal }) =>
        allPages((after) => api.get("/members", { query: { after, limit: PAGE }, signal })),
      ...CHANGING,
    }),

  seats: () =>
    queryOptions({
      queryKey: peopleKeys.seats,
      queryFn: ({ signal }) => api.get("/members/seats", { signal }),
      ...CHANGING,
    }),

  invitations: () =>
    queryOptions({
      queryKey: peopleKeys.invitations,
      queryFn: ({ signal }) =>
        allPages((after) => api.get("/invitations", { query: { after, limit: PAGE }, signal })),
      ...CHANGING,
    }),

  /** All of them: there are 200 at most, and one answer has them. */
  groups: () =>
    queryOptions({
      queryKey: peopleKeys.groups,
      queryFn: async ({ signal }) => (await api.get("/group-roles", { signal })).items,
      ...CHANGING,
    }),

  tokens: () =>
    queryOptions({
      queryKey: peopleKeys.tokens,
      queryFn: ({ signal }) =>
        allPages((after) => api.get("/tokens", { query: { after, limit: PAGE }, signal })),
      ...CHANGING,
    }),

  serviceTokens: () =>
    queryOptions({
      queryKey: peopleKeys.serviceTokens,
      queryFn: ({ signal }) =>
        allPages((after) => api.get("/service-tokens", { query: { after, limit: PAGE }, signal })),
      ...CHANGING,
    }),

  auditHead: () =>
    queryOptions({
      queryKey: peopleKeys.auditHead,
      queryFn: ({ signal }) => api.get("/audit/head", { signal }),
      staleTime: 0,
    }),
} as const;
