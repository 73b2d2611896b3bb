/** Which path takes and gives what, for the client's types. */

import type {
  Agent,
  Base,
  Card,
  CardEvent,
  Egress,
  EnrolToken,
  InboxItem,
  Me,
  NewKey,
  NewProject,
  Page,
  Project,
  Provider,
  Review,
  Run,
  RunEvent,
  Runner,
  Step,
} from "./types";

interface Paging {
  after?: string;
  limit?: number;
}

/** Method and path → the path's parts, the query, the body and the answer. */
export interface Routes {
  "GET /health": { answer: { status: string; version: string } };
  "POST /sign-in": { body: { token: string }; answer: { token: string } };
  "POST /sign-out": { answer: null };
  "GET /me": { answer: Me };

  "GET /projects": { query: Paging; answer: Page<Project> };
  "POST /projects": { body: NewProject; answer: Project };
  "GET /projects/{project}": { path: { project: string }; answer: Project };
  "PATCH /projects/{project}": {
    path: { project: string };
    body: { name?: string; target?: string; egress?: Egress };
    answer: Project;
  };

  "GET /providers": { query: Paging; answer: Page<Provider> };
  "POST /providers": {
    body: { name: string; kind: string; base_url: string; key: NewKey; model?: string | null };
    answer: Provider;
  };
  "PUT /providers/{provider}": {
    path: { provider: string };
    body: { name: string; kind: string; base_url: string; key: NewKey; model?: string | null };
    answer: Provider;
  };
  "DELETE /providers/{provider}": { path: { provider: string }; answer: null };

  "GET /agents": { query: Paging; answer: Page<Agent> };
  "POST /agents": { body: Partial<Agent> & { name: string; driver: string }; answer: Agent };
  "PUT /agents/{agent}": {
    path: { agent: string };
    body: Partial<Agent> & { name: string; driver: string };
    answer: Agent;
  };
  "DELETE /agents/{agent}": { path: { agent: string }; answer: null };

  "GET /cards": {
    query: Paging & { project?: string; archived?: boolean };
    answer: Page<Card>;
  };
  "POST /cards": {
    body: { project: string; title: string; body?: string; depends?: string[] };
    answer: Card;
  };
  "GET /cards/{card}": { path: { card: string }; answer: Card };
  "PATCH /cards/{card}": {
    path: { card: string };
    body: { title?: string; body?: string; depends?: string[] };
    answer: Card;
  };
  "POST /cards/{card}/move": {
    path: { card: string };
    body: { lane: string; from?: string; before?: string | null };
    answer: Card;
  };
  "POST /cards/{card}/archive": { path: { card: string }; answer: Card };
  "POST /cards/{card}/restore": { path: { card: string }; answer: Card };
  "POST /cards/{card}/runs": { path: { card: string }; body: { agent?: string }; answer: Run };
  "GET /cards/{card}/history": {
    path: { card: string };
    query: Paging;
    answer: Page<CardEvent>;
  };

  "GET /runs": {
    query: Paging & { project?: string; card?: string; state?: string };
    answer: Page<Run>;
  };
  "GET /runs/{run}": { path: { run: string }; answer: Run };
  "GET /runs/{run}/steps": { path: { run: string }; query: Paging; answer: Page<Step> };
  "GET /runs/{run}/events": {
    path: { run: string };
    query: { after?: number; before?: number; limit?: number; kind?: string; step?: string };
    answer: Page<RunEvent>;
  };
  "GET /runs/{run}/review": { path: { run: string }; answer: Review };
  "GET /runs/{run}/base": { path: { run: string }; answer: Base };
  "POST /runs/{run}/cancel": { path: { run: string }; answer: Run };
  "POST /runs/{run}/approve": { path: { run: string }; body: { commit?: string }; answer: Run };
  "POST /runs/{run}/reject": { path: { run: string }; body: { reason: string }; answer: Run };
  "POST /runs/{run}/reply": { path: { run: string }; body: { text: string }; answer: Run };

  "GET /inbox": { query: Paging; answer: Page<InboxItem> };
  "GET /runners": { query: Paging; answer: Page<Runner> };
  "DELETE /runners/{runner}": { path: { runner: string }; answer: null };
  "POST /runners/tokens": { body: object; answer: EnrolToken };
}

export type Method = "GET" | "POST" | "PATCH" | "PUT" | "DELETE";

/** The paths that a method knows. */
export type PathOf<M extends Method> = keyof Routes extends infer K
  ? K extends `${M} ${infer P}`
    ? P
    : never
  : never;

type RouteOf<M extends Method, P extends string> = `${M} ${P}` extends keyof Routes
  ? Routes[`${M} ${P}`]
  : never;

export type AnswerOf<M extends Method, P extends string> =
  RouteOf<M, P> extends { answer: infer A } ? A : never;

type Part<R, K extends string> = R extends { [key in K]: infer V } ? { [key in K]: V } : unknown;
type Query<R> = R extends { query: infer Q } ? { query?: Q } : unknown;

/** What a call of that route takes beside the headers. */
export type InputOf<M extends Method, P extends string> = Part<RouteOf<M, P>, "path"> &
  Part<RouteOf<M, P>, "body"> &
  Query<RouteOf<M, P>>;
