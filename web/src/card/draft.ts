import { isRecord } from "./keep";
import type { Wish } from "./once";

/** A card that is being written and is not on the board yet. */
export type Draft = {
  readonly title: string;
  readonly body: string;
  readonly depends: readonly string[];
  readonly lane: string | null;
  /** The agent to start with, by id; null adds the card only. */
  readonly agent: string | null;
  readonly wish: Wish | null;
};

/** The server's own bound on a title, in characters (code points). */
export const TITLE_MAX = 500;
/** The server takes 2 MB in all; a body has the most of it. */
export const BODY_MAX = 1_900_000;

export const blank: Draft = {
  title: "",
  body: "",
  depends: [],
  lane: null,
  agent: null,
  wish: null,
};

export type TitleFault = "empty" | "long";

/** A title is one line: what is pasted with breaks becomes one. */
export function titleOf(text: string): string {
  return text.replace(/\s+/gu, " ").trim();
}

export function titleFault(text: string): TitleFault | null {
  const title = titleOf(text);
  if (title === "") return "empty";
  return Array.from(title).length > TITLE_MAX ? "long" : null;
}

/**
 * A text that is too long for a title keeps all its words: the first line (cut at a word) becomes the title,
 * the whole goes to the body.
 */
export function splitTitle(text: string): { title: string; body: string } {
  const title = titleOf(text);
  const letters = Array.from(title);
  if (letters.length <= TITLE_MAX) return { title, body: "" };
  const cut = letters.slice(0, 120).join("");
  const space = cut.lastIndexOf(" ");
  return { title: `${space > 40 ? cut.slice(0, space) : cut}…`, body: text.trim() };
}

export function isBlank(draft: Draft): boolean {
  return draft.title.trim() === "" && draft.body.trim() === "" && draft.depends.length === 0;
}

export function isDraft(value: unknown): value is Draft {
  if (!isRecord(value)) return false;
  return (
    typeof value.title === "string" &&
    typeof value.body === "string" &&
    Array.isArray(value.depends) &&
    value.depends.every((id) => typeof id === "string") &&
    (value.lane === null || typeof value.lane === "string") &&
    (value.agent === null || typeof value.agent === "string") &&
    (value.wish === null || (isRecord(value.wish) && typeof value.wish.key === "string"))
  );
}
