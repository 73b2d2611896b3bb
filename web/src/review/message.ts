import { type Draft, type Drafts, inOrder } from "./drafts";

/** The words of the message; they go to an agent, so they are part of the text and not of the page. */
export interface MessageWords {
  lines(draft: Draft): string;
  older(commit: string): string;
}

/**
 * The one message that general text and comments become. Markdown: each comment names its file and
 * lines, quotes them, and says what it says.
 */
export function composeMessage(drafts: Drafts, commit: string, words: MessageWords): string {
  const parts = [drafts.general.trim()];
  for (const draft of inOrder(drafts.comments)) {
    const place = `**${code(draft.path)}, ${words.lines(draft)}**`;
    const older = draft.commit === commit ? "" : ` (${words.older(draft.commit)})`;
    parts.push([place + older, "", fenced(draft.quote), "", draft.text.trim()].join("\n"));
  }
  return parts.filter((part) => part !== "").join("\n\n");
}

/** Bytes of a text as the server counts them. */
export function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** A path may hold backticks: the marks around it must be longer than any run inside. */
function code(text: string): string {
  const line = text.replace(/[\r\n]/g, "\ufffd");
  const marks = "`".repeat(longestRun(line) + 1);
  const pad = line.startsWith("`") || line.endsWith("`") ? " " : "";
  return `${marks}${pad}${line}${pad}${marks}`;
}

function fenced(lines: readonly string[]): string {
  const marks = "`".repeat(Math.max(3, longestRun(lines.join("\n")) + 1));
  return [marks, ...lines, marks].join("\n");
}

function longestRun(text: string): number {
  return Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
}
