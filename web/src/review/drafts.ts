/** Comments that are not sent yet. Pure; `kept.ts` keeps them over a reload. */

export type Side = "old" | "new";

/** Where a comment stands: what was seen, so that it can be quoted after the diff has changed. */
export interface Anchor {
  path: string;
  side: Side;
  /** Line numbers of that side, both included. */
  from: number;
  to: number;
  /** The lines as they were, cut to `QUOTE_LINES`. */
  quote: string[];
  commit: string;
}

export interface Draft extends Anchor {
  id: string;
  text: string;
}

export interface Drafts {
  comments: Draft[];
  /** The text that the message begins with. */
  general: string;
}

export const NO_DRAFTS: Drafts = { comments: [], general: "" };

/** More comments than an agent acts on at once. */
export const COMMENTS_MAX = 200;
/** Longest text of one comment, in characters. */
export const COMMENT_CHARS_MAX = 20_000;
/** Longest general text; the server takes 64 KB at least. */
export const GENERAL_CHARS_MAX = 50_000;
/** Lines that are quoted. */
export const QUOTE_LINES = 8;
/** Characters of a quoted line. */
export const QUOTE_CHARS = 300;

/** Puts a comment in, or in the place of the one with its id; an empty one is taken out. */
export function putComment(drafts: Drafts, draft: Draft): Drafts {
  const text = draft.text.slice(0, COMMENT_CHARS_MAX);
  if (text.trim() === "") return dropComment(drafts, draft.id);
  const known = drafts.comments.some((one) => one.id === draft.id);
  if (!known && drafts.comments.length >= COMMENTS_MAX) return drafts;
  const comments = known
    ? drafts.comments.map((one) => (one.id === draft.id ? { ...draft, text } : one))
    : [...drafts.comments, { ...draft, text }];
  return { ...drafts, comments };
}

export function dropComment(drafts: Drafts, id: string): Drafts {
  return { ...drafts, comments: drafts.comments.filter((one) => one.id !== id) };
}

export function isEmpty(drafts: Drafts): boolean {
  return drafts.comments.length === 0 && drafts.general.trim() === "";
}

/** By file and line: the order in which they are read and sent. */
export function inOrder(comments: readonly Draft[]): Draft[] {
  return [...comments].sort(
    (a, b) =>
      compare(a.path, b.path) || a.to - b.to || compare(a.side, b.side) || compare(a.id, b.id),
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Reads what a browser kept: another version may have written it, or a person. */
export function readDrafts(value: unknown): Drafts {
  if (typeof value !== "object" || value === null) return NO_DRAFTS;
  const { comments, general } = value as Record<string, unknown>;
  return {
    comments: Array.isArray(comments) ? comments.filter(isDraft).slice(0, COMMENTS_MAX) : [],
    general: typeof general === "string" ? general.slice(0, GENERAL_CHARS_MAX) : "",
  };
}

function isDraft(value: unknown): value is Draft {
  if (typeof value !== "object" || value === null) return false;
  const draft = value as Partial<Draft>;
  const texts = [draft.id, draft.path, draft.text, draft.commit];
  return (
    texts.every((text) => typeof text === "string") &&
    (draft.side === "old" || draft.side === "new") &&
    Number.isSafeInteger(draft.from) &&
    Number.isSafeInteger(draft.to) &&
    Array.isArray(draft.quote) &&
    draft.quote.every((line) => typeof line === "string")
  );
}
