import type { Card } from "../board/lanes";
import { isRecord } from "./keep";

/** What a card says, in the edition that a person saw. */
export type Edition = Pick<Card, "version" | "title" | "body">;
export type Field = "title" | "body";
export const FIELDS = ["title", "body"] as const satisfies readonly Field[];

/** An edit in progress: the edition it began from, and what the person made of it. */
export type Edit = {
  readonly base: Edition;
  readonly title: string;
  readonly body: string;
};

export function begin(card: Edition): Edit {
  const base = { version: card.version, title: card.title, body: card.body };
  return { base, title: card.title, body: card.body };
}

export function changed(edit: Edit): Field[] {
  return FIELDS.filter((field) => edit[field] !== edit.base[field]);
}

/** Only what the person changed, so that the rest stays whoever's it is. */
export function patchOf(edit: Edit): Partial<Record<Field, string>> {
  return Object.fromEntries(changed(edit).map((field) => [field, edit[field]]));
}

/** Fields that both have changed since, and not to the same text. */
export function clashes(edit: Edit, theirs: Edition): Field[] {
  return changed(edit).filter(
    (field) => theirs[field] !== edit.base[field] && theirs[field] !== edit[field],
  );
}

/** The edit upon their edition: theirs where the person changed nothing, mine where both did. */
export function rebase(edit: Edit, theirs: Edition): Edit {
  const mine = new Set(changed(edit));
  const base = { version: theirs.version, title: theirs.title, body: theirs.body };
  return {
    base,
    title: mine.has("title") ? edit.title : theirs.title,
    body: mine.has("body") ? edit.body : theirs.body,
  };
}

/**
 * Both texts in one, for merging by hand: what begins and ends alike once, the rest of each under its mark.
 * Line by line; nothing of either is lost.
 */
export function joined(
  mine: string,
  theirs: string,
  marks: { mine: string; theirs: string },
): string {
  const a = mine.split("\n");
  const b = theirs.split("\n");
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (
    tail < a.length - head &&
    tail < b.length - head &&
    a[a.length - 1 - tail] === b[b.length - 1 - tail]
  ) {
    tail += 1;
  }
  const middle = [
    marks.mine,
    ...a.slice(head, a.length - tail),
    marks.theirs,
    ...b.slice(head, b.length - tail),
  ];
  return [...a.slice(0, head), ...middle, ...a.slice(a.length - tail)].join("\n");
}

export function isEdit(value: unknown): value is Edit {
  if (!isRecord(value) || !isRecord(value.base)) return false;
  const { base } = value;
  const texts = [value.title, value.body, base.title, base.body];
  return texts.every((text) => typeof text === "string") && typeof base.version === "number";
}
