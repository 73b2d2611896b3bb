import type { Coloured, Shade } from "./colour";
import { pieces } from "./hidden";
import type { Range } from "./words";

/** A piece of a line that looks the same throughout. */
export interface Segment {
  text: string;
  shade: Shade | null;
  /** It is what differs from the other side's line. */
  marked: boolean;
  /** The name of a character that would not be seen. */
  hidden: string | null;
}

/** Cuts a line where its colour or its mark changes and around characters that are not seen. */
export function segments(
  text: string,
  colours: readonly Coloured[] = [],
  marks: readonly Range[] = [],
): Segment[] {
  const cuts = new Set([0, text.length]);
  for (const { from, to } of colours) cuts.add(from).add(to);
  for (const [from, to] of marks) cuts.add(from).add(to);
  const sorted = [...cuts].filter((cut) => cut <= text.length).sort((a, b) => a - b);
  const found: Segment[] = [];
  let colourAt = 0;
  let markAt = 0;
  for (let at = 0; at + 1 < sorted.length; at++) {
    const [from, to] = [sorted[at] as number, sorted[at + 1] as number];
    while (colourAt < colours.length && (colours[colourAt] as Coloured).to <= from) colourAt++;
    while (markAt < marks.length && (marks[markAt] as Range)[1] <= from) markAt++;
    const colour = colours[colourAt];
    const mark = marks[markAt];
    const shade = colour && colour.from <= from ? colour.shade : null;
    const marked = mark !== undefined && mark[0] <= from;
    for (const piece of pieces(text.slice(from, to))) {
      found.push({ text: piece.text, shade, marked, hidden: piece.hidden ? piece.name : null });
    }
  }
  return found;
}
