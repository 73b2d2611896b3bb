/** From hints to what must be loaded again. Pure. */

import type { QueryKey } from "@tanstack/react-query";
import type { Change, Noun, RunChange } from "./changes";
import { keys } from "./queries";

export interface Plan {
  /** Everything that is shown. */
  all: boolean;
  stale: QueryKey[];
  /** Cards to fetch one by one and to put into their project's list. */
  cards: { card: string; project: string }[];
  /** Runs of which only the number of events has grown. */
  grown: RunChange[];
}

/** With more cards than this at once, their list is loaded anew: one request instead of many. */
const CARDS_MAX = 8;

const SETTINGS: Record<Noun, QueryKey[]> = {
  project: [keys.projects, ["project"]],
  agent: [keys.agents],
  provider: [keys.providers],
  // A runner that came or went also says why runs wait.
  runner: [keys.runners, keys.inbox],
  environment: [keys.environments],
};

/** `known` says where a run was at its last hint, and is brought up to date. */
export function plan(changes: readonly Change[], known: Map<string, string>): Plan {
  const stale = new Map<string, QueryKey>();
  const cards = new Map<string, string>();
  const grown = new Map<string, RunChange>();
  const add = (key: QueryKey) => stale.set(JSON.stringify(key), key);
  for (const change of changes) {
    switch (change.kind) {
      case "resync":
        return { all: true, stale: [], cards: [], grown: [] };
      case "settings":
        for (const key of SETTINGS[change.noun] ?? []) add(key);
        break;
      case "card":
        cards.set(change.card, change.project);
        add(keys.cardHistory(change.card));
        add(keys.archived(change.project));
        break;
      case "run": {
        const place = `${change.state}/${change.epoch}`;
        grown.set(change.run, change);
        if (known.get(change.run) === place) break;
        known.set(change.run, place);
        for (const key of moved(change)) add(key);
        cards.set(change.card, change.project);
        break;
      }
    }
  }
  const lists = new Set<string>();
  if (cards.size > CARDS_MAX) for (const project of cards.values()) lists.add(project);
  for (const project of lists) add(keys.cards(project));
  if (lists.size > 0) for (const card of cards.keys()) add(keys.card(card));
  return {
    all: false,
    stale: [...stale.values()],
    cards: lists.size > 0 ? [] : [...cards].map(([card, project]) => ({ card, project })),
    grown: [...grown.values()],
  };
}

function moved(change: RunChange): QueryKey[] {
  return [
    keys.run(change.run),
    keys.review(change.run),
    keys.steps(change.run),
    keys.runs(),
    keys.cardHistory(change.card),
    keys.inbox,
  ];
}
