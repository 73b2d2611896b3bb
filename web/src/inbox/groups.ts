/** Why a person is needed, most urgent first: a decision holds finished work up. */
export const KINDS = ["review", "failed", "stuck"] as const;
export type Kind = (typeof KINDS)[number];

export interface Item {
  kind: Kind;
  since: string;
  run: { id: string };
}

export interface Group<T extends Item> {
  kind: Kind;
  items: T[];
}

/** The groups that have something in them, each newest first. */
export function groups<T extends Item>(items: readonly T[]): Group<T>[] {
  return KINDS.map((kind) => ({
    kind,
    items: items.filter((item) => item.kind === kind).sort(newestFirst),
  })).filter((group) => group.items.length > 0);
}

function newestFirst(a: Item, b: Item): number {
  const by = Date.parse(b.since) - Date.parse(a.since);
  // Ids begin with a time: two of the same moment keep one order.
  return by !== 0 ? by : b.run.id.localeCompare(a.run.id);
}

/** A thing a person can be led to: an item is a kind and a run, because a run can need two things. */
export function keyOf(item: Item): string {
  return `${item.kind}:${item.run.id}`;
}

/**
 * The item to stand on after the list changed: the same one, else what took its place, else the
 * last. So deciding on one leaves a person on the next, not at the top.
 */
export function stay(
  keys: readonly string[],
  before: readonly string[],
  at: string | null,
): string | null {
  if (at !== null && keys.includes(at)) return at;
  if (keys.length === 0) return null;
  const index = at === null ? -1 : before.indexOf(at);
  if (index < 0) return at === null ? null : (keys[0] ?? null);
  const later = before.slice(index + 1).find((key) => keys.includes(key));
  return later ?? keys.at(-1) ?? null;
}

/** The item `by` places on, without wrapping: the ends are felt. */
export function step(keys: readonly string[], at: string | null, by: number): string | null {
  if (keys.length === 0) return null;
  const index = at === null ? -1 : keys.indexOf(at);
  if (index < 0) return keys[by > 0 ? 0 : keys.length - 1] ?? null;
  return keys[Math.min(keys.length - 1, Math.max(0, index + by))] ?? null;
}
