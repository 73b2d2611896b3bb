/** Brings the cache up to date by the hints. The decisions are in live-plan.ts. */

import type { Query, QueryClient, QueryKey } from "@tanstack/react-query";
import { gather } from "../lib/gather";
import type { Change, RunChange } from "./changes";
import { api } from "./client";
import type { Live } from "./live";
import { plan } from "./live-plan";
import { isProblem } from "./problem";
import { keys } from "./queries";
import type { Card, Run } from "./types";

const GATHER_MS = 200;
/** A run that works says something many times a second; its totals and steps need not follow. */
const GROWN_MS = 1_000;
/** More runs than anybody has on screen; forgetting one only costs a request. */
const KNOWN_MAX = 2_000;

/** Wires them together until the returned function is called. */
export function feedCache(live: Pick<Live, "onChange">, client: QueryClient): () => void {
  const known = new Map<string, string>();
  const cards = new CardRefresher(client);
  const grown = gather<string>(GROWN_MS, (runs) => {
    for (const run of new Set(runs)) {
      refresh(client, keys.run(run));
      refresh(client, keys.steps(run));
    }
  });
  const push = gather<Change>(GATHER_MS, (changes) => {
    if (known.size > KNOWN_MAX) known.clear();
    const todo = plan(changes, known);
    if (todo.all) {
      known.clear();
      refresh(client);
      return;
    }
    for (const change of todo.grown) {
      growRun(client, change);
      grown(change.run);
    }
    for (const key of todo.stale) refresh(client, key);
    for (const { card, project } of todo.cards) cards.refresh(card, project);
  });
  return live.onChange(push);
}

const waiting = new WeakSet<Query>();

/**
 * Loads what is shown again, and the rest when it is shown next. What is being loaded may have
 * been read before the change: it is let finish, then loaded once more. (To cancel it would never
 * let a slow load finish while hints keep coming.)
 */
export function refresh(client: QueryClient, queryKey?: QueryKey): void {
  for (const query of client.getQueryCache().findAll({ queryKey })) {
    const again = () => {
      waiting.delete(query);
      void client.invalidateQueries({ queryKey: query.queryKey, exact: true });
    };
    if (query.state.fetchStatus !== "fetching" || query.promise === undefined) {
      again();
    } else if (!waiting.has(query)) {
      waiting.add(query);
      query.promise.then(again, again);
    }
  }
}

/** Fetches single cards for the lists that hold them, each at most once at a time. */
class CardRefresher {
  /** Under way; true when it has changed again meanwhile. */
  private readonly busy = new Map<string, boolean>();

  constructor(private readonly client: QueryClient) {}

  refresh(id: string, project: string): void {
    const list = this.client.getQueryState(keys.cards(project));
    if (list?.data === undefined || list.fetchStatus === "fetching") {
      refresh(this.client, keys.cards(project));
      refresh(this.client, keys.card(id));
      return;
    }
    if (this.busy.has(id)) {
      this.busy.set(id, true);
      return;
    }
    this.busy.set(id, false);
    void this.load(id, project).finally(() => {
      const again = this.busy.get(id) === true;
      this.busy.delete(id);
      if (again) this.refresh(id, project);
    });
  }

  private async load(id: string, project: string): Promise<void> {
    const change = (update: (cards: Card[]) => Card[]) =>
      this.client.setQueryData<Card[]>(keys.cards(project), (cards) => cards && update(cards));
    try {
      const card = await api.get("/cards/{card}", { path: { card: id } });
      this.client.setQueryData<Card>(keys.card(id), card);
      change((cards) => putCard(cards, card));
    } catch (error) {
      if (isProblem(error, "not_found")) change((cards) => cards.filter((card) => card.id !== id));
      else refresh(this.client, keys.cards(project));
    }
  }
}

/** The list with this card in its newest form; without it when it has been archived. */
export function putCard(cards: Card[], card: Card): Card[] {
  if (card.archived_at) return cards.filter((one) => one.id !== card.id);
  const at = cards.findIndex((one) => one.id === card.id);
  return at < 0 ? [...cards, card] : cards.with(at, card);
}

/** Tells a run's number of events at once, ahead of the load that follows. */
function growRun(client: QueryClient, change: RunChange): void {
  const state = client.getQueryState<Run>(keys.run(change.run));
  // Data that is put in would pass for fresh.
  if (state?.data === undefined || state.isInvalidated) return;
  if (state.data.last_seq >= change.last_seq) return;
  client.setQueryData<Run>(
    keys.run(change.run),
    { ...state.data, last_seq: change.last_seq },
    { updatedAt: state.dataUpdatedAt },
  );
}
