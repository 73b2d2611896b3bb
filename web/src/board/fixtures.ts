import type { Card } from "./lanes";

/** A card for tests; what is not given is dull. */
export function aCard(id: string, over: Partial<Card> = {}): Card {
  return {
    id,
    project: "proj_1",
    title: `Card ${id}`,
    body: "",
    lane: "Backlog",
    depends: [],
    run: null,
    run_state: null,
    run_reason: null,
    waiting_for: null,
    agent: null,
    unmet: [],
    landed: false,
    version: 1,
    rank: 0,
    archived_at: null,
    created_at: "2026-01-01T00:00:00Z",
    updated_at: "2026-01-01T00:00:00Z",
    ...over,
  } as Card;
}

/** Numbers from 0 to 1 that a seed decides (mulberry32), so that a failing case can be played again. */
export function random(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
