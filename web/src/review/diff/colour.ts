import type { Parser } from "@lezer/common";
import { highlightTree, tagHighlighter, tags } from "@lezer/highlight";
import { COLOUR_BYTES_MAX, COLOUR_LINE_MAX } from "./bounds";
import { changeOf, lineBytes, lineText } from "./text";
import { ADDED, type Diff, type FileDiff, type Hunk, REMOVED } from "./types";

/** What a piece of code is; the design gives each a colour in both themes. */
export type Shade =
  | "keyword"
  | "string"
  | "number"
  | "comment"
  | "name"
  | "type"
  | "property"
  | "tag"
  | "heading"
  | "meta";

export interface Coloured {
  from: number;
  to: number;
  shade: Shade;
}

/** Colours by line of the diff. */
export type Colours = ReadonlyMap<number, readonly Coloured[]>;

const shade = (name: Shade) => name;

const highlighter = tagHighlighter([
  {
    tag: [tags.keyword, tags.modifier, tags.operatorKeyword, tags.self, tags.bool, tags.null],
    class: shade("keyword"),
  },
  {
    tag: [tags.string, tags.special(tags.string), tags.regexp, tags.character, tags.monospace],
    class: shade("string"),
  },
  { tag: [tags.number, tags.literal, tags.unit, tags.color], class: shade("number") },
  { tag: [tags.comment, tags.quote], class: shade("comment") },
  {
    tag: [tags.function(tags.variableName), tags.function(tags.propertyName), tags.macroName],
    class: shade("name"),
  },
  { tag: [tags.definition(tags.variableName), tags.labelName], class: shade("name") },
  { tag: [tags.typeName, tags.className, tags.namespace], class: shade("type") },
  {
    tag: [tags.propertyName, tags.attributeName, tags.definition(tags.propertyName)],
    class: shade("property"),
  },
  { tag: [tags.tagName, tags.link, tags.url], class: shade("tag") },
  { tag: [tags.heading, tags.strong], class: shade("heading") },
  { tag: [tags.meta, tags.processingInstruction, tags.escape], class: shade("meta") },
]);

/** Whether a file is small enough to be coloured. */
export function isColourable(diff: Diff, file: FileDiff): boolean {
  if (file.kind !== "file" || file.binary) return false;
  let bytes = 0;
  for (const hunk of file.hunks) {
    bytes += (diff.lines.to[hunk.end - 1] ?? 0) - (diff.lines.from[hunk.first] ?? 0);
    if (bytes > COLOUR_BYTES_MAX) return false;
  }
  return true;
}

/**
 * Colours each side of each hunk by itself: what stands between two hunks is not there, and a comment
 * that began above must not colour the rest of the file.
 */
export function colour(diff: Diff, file: FileDiff, parser: Parser): Colours {
  const colours = new Map<number, Coloured[]>();
  for (const hunk of file.hunks) {
    colourSide(diff, hunk, REMOVED, parser, colours);
    colourSide(diff, hunk, ADDED, parser, colours);
  }
  return colours;
}

/** `other` is the change whose lines this side lacks. Both sides write a context line; the newer one wins. */
function colourSide(
  diff: Diff,
  hunk: Hunk,
  wanted: typeof ADDED | typeof REMOVED,
  parser: Parser,
  colours: Map<number, Coloured[]>,
): void {
  const other = wanted === ADDED ? REMOVED : ADDED;
  const starts: number[] = [];
  const lines: number[] = [];
  let text = "";
  for (let line = hunk.first; line < hunk.end; line++) {
    if (changeOf(diff, line) === other) continue;
    starts.push(text.length);
    lines.push(line);
    text += lineBytes(diff, line) > COLOUR_LINE_MAX ? "\n" : `${lineText(diff, line).text}\n`;
    colours.delete(line);
  }
  let at = 0;
  highlightTree(parser.parse(text), highlighter, (from, to, classes) => {
    while (at + 1 < starts.length && (starts[at + 1] as number) <= from) at++;
    put(
      colours,
      starts,
      lines,
      at,
      { from, to, shade: classes.split(" ")[0] as Shade },
      text.length,
    );
  });
}

/** A colour may reach over several lines (a block comment): each gets its part. */
function put(
  colours: Map<number, Coloured[]>,
  starts: number[],
  lines: number[],
  first: number,
  found: Coloured,
  length: number,
): void {
  for (let at = first; at < starts.length && (starts[at] as number) < found.to; at++) {
    const start = starts[at] as number;
    const end = (starts[at + 1] ?? length) - 1;
    const from = Math.max(found.from, start) - start;
    const to = Math.min(found.to, end) - start;
    if (from >= to) continue;
    const line = lines[at] as number;
    const known = colours.get(line);
    if (known) known.push({ from, to, shade: found.shade });
    else colours.set(line, [{ from, to, shade: found.shade }]);
  }
}
