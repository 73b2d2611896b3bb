/** Two people who edit one thing: what each changed, field by field. Pure. */

export interface Meanwhile<D> {
  /** What both began from, what stands there by now, and what this person made of it. */
  base: D;
  theirs: D;
  mine: D;
  /** What the other one changed. */
  changed: (keyof D)[];
  /** Of that, what this person changed as well, and not to the same. */
  clashes: (keyof D)[];
}

export function meanwhile<D extends object>(base: D, mine: D, theirs: D): Meanwhile<D> {
  const fields = Object.keys(theirs) as (keyof D)[];
  const changed = fields.filter((field) => !alike(base[field], theirs[field]));
  const clashes = changed.filter(
    (field) => !alike(base[field], mine[field]) && !alike(mine[field], theirs[field]),
  );
  return { base, theirs, mine, changed, clashes };
}

/** Both changes in one; where both changed a field, the choice. */
export function both<D extends object>(
  { base, theirs, mine, clashes }: Meanwhile<D>,
  choice: "mine" | "theirs",
): D {
  const merged = { ...theirs };
  for (const field of Object.keys(mine) as (keyof D)[]) {
    const touched = !alike(base[field], mine[field]);
    if (touched && (choice === "mine" || !clashes.includes(field))) merged[field] = mine[field];
  }
  return merged;
}

/** By what they say: a list that was made anew is the same list. */
export function alike(a: unknown, b: unknown): boolean {
  return Object.is(a, b) || JSON.stringify(a) === JSON.stringify(b);
}

export function alikeAll<D extends object>(a: D, b: D): boolean {
  return (Object.keys(a) as (keyof D)[]).every((field) => alike(a[field], b[field]));
}

/** A value as it is shown beside another one. */
export function valueText(value: unknown, words: { yes: string; no: string; empty: string }) {
  if (typeof value === "boolean") return value ? words.yes : words.no;
  if (Array.isArray(value)) return value.length === 0 ? words.empty : value.join(", ");
  if (typeof value === "object" && value !== null) {
    const parts = Object.entries(value).map(([name, one]) => `${name}=${one}`);
    return parts.length === 0 ? words.empty : parts.join(", ");
  }
  return value === "" || value === null || value === undefined ? words.empty : String(value);
}
