// Output in the activity: text without the terminal's language. What a terminal would show is in
// the output view; here a few lines are enough to see what is going on.

const ESC = String.fromCharCode(27);
/** CSI, OSC, other strings, two-character escapes (ECMA-48). */
const SEQUENCES = new RegExp(
  `${ESC}(?:\\[[0-?]*[ -/]*[@-~]|\\][^\\u0007${ESC}]*(?:\\u0007|${ESC}\\\\)?|[PX^_][^${ESC}]*(?:${ESC}\\\\)?|[ -/]*[0-~])`,
  "g",
);
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out.
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** The text without sequences and controls; a line that was written over shows what was written last. */
export function plainOutput(text: string): string {
  const stripped = text.replace(SEQUENCES, "").replaceAll("\r\n", "\n");
  const kept = stripped.includes("\r")
    ? stripped
        .split("\n")
        .map((line) => line.slice(line.lastIndexOf("\r", line.length - 2) + 1))
        .join("\n")
    : stripped;
  return kept.replace(CONTROLS, "");
}

/** The text without marks that turn the order of letters around: a title must not look like another. */
export function upright(text: string): string {
  return text.replace(/[\u202a-\u202e\u2066-\u2069]/g, "");
}

/** Lines shown of a folded block. */
export const HEAD_LINES = 5;
export const TAIL_LINES = 5;
/** Characters shown of a line; a line of two megabytes is a page of its own. */
export const LINE_MAX = 2_000;

export interface Folded {
  head: string;
  tail: string;
  hidden: number;
}

/** Beginning and end of a block, and how many lines are between. */
export function fold(text: string): Folded {
  const lines = text.replace(/\n+$/, "").split("\n").map(short);
  if (lines.length <= HEAD_LINES + TAIL_LINES + 2)
    return { head: lines.join("\n"), tail: "", hidden: 0 };
  return {
    head: lines.slice(0, HEAD_LINES).join("\n"),
    tail: lines.slice(-TAIL_LINES).join("\n"),
    hidden: lines.length - HEAD_LINES - TAIL_LINES,
  };
}

function short(line: string): string {
  return line.length <= LINE_MAX ? line : `${line.slice(0, LINE_MAX)}…`;
}
