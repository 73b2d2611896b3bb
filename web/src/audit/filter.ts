/** From what stands in the page's address to what the server is asked. Pure. */

import type { AuditSearch } from "../app/search";

export interface AuditQuery {
  actor?: string;
  action?: string;
  resource?: string;
  since?: string;
  until?: string;
}

/** Days are those of whoever looks, and the last one is among them. */
export function auditQuery(search: AuditSearch): AuditQuery {
  const { actor, action, resource, since, until } = search;
  return {
    actor,
    action,
    resource,
    since: since === undefined ? undefined : midnight(since, 0),
    until: until === undefined ? undefined : midnight(until, 1),
  };
}

function midnight(day: string, after: number): string {
  const [year = 0, month = 1, date = 1] = day.split("-").map(Number);
  const at = new Date(0);
  at.setHours(0, 0, 0, 0);
  // Not by the constructor, which takes years below 100 for those of the last century.
  at.setFullYear(year, month - 1, date + after);
  at.setHours(0, 0, 0, 0);
  return at.toISOString();
}

/** Whether the first day is behind the last one: nothing could be found. */
export function isBackwards({ since, until }: AuditSearch): boolean {
  return since !== undefined && until !== undefined && since > until;
}

export function isFiltered(search: AuditSearch): boolean {
  return Object.values(search).some((value) => value !== undefined);
}

/** What is looked for, without what is empty. */
export function cleaned(search: Record<keyof AuditSearch, string>): AuditSearch {
  const entries = Object.entries(search).map(([key, value]) => [key, value.trim()] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== "")) as AuditSearch;
}

/** Kinds of actions, to choose from; the server knows more. */
export const ACTIONS: readonly string[] = [
  "account.",
  "agent.",
  "audit.export",
  "card.",
  "content.open",
  "device.",
  "environment.",
  "invitation.",
  "member.",
  "owner.restore",
  "project.",
  "provider.",
  "run.",
  "run.approve",
  "run.cancel",
  "run.reject",
  "run.start",
  "runner.",
  "service_token.",
  "session.",
  "tenant.create",
  "token.",
];
