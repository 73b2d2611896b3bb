import type { Card, Run } from "../api";
import { api } from "../api/client";
import type { Field } from "./edit";

export function editCard(
  id: string,
  patch: Partial<Record<Field, string>>,
  version: number,
): Promise<Card> {
  return api.patch("/cards/{card}", { path: { card: id }, body: patch, ifMatch: version });
}

export function setDepends(id: string, depends: readonly string[]): Promise<Card> {
  return api.patch("/cards/{card}", { path: { card: id }, body: { depends: [...depends] } });
}

export interface CreateCard {
  readonly project: string;
  readonly title: string;
  readonly body: string;
  readonly depends: readonly string[];
}

export function createCard(request: CreateCard, idempotencyKey: string): Promise<Card> {
  return api.post("/cards", {
    body: { ...request, depends: [...request.depends] },
    idempotencyKey,
  });
}

export function startRun(card: string, agent: string, idempotencyKey: string): Promise<Run> {
  return api.post("/cards/{card}/runs", { path: { card }, body: { agent }, idempotencyKey });
}

export function cancelRun(run: string): Promise<Run> {
  return api.post("/runs/{run}/cancel", { path: { run } });
}
