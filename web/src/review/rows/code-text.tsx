import { memo } from "react";
import { review } from "../../strings/review";
import { cn } from "../../ui";
import type { Coloured, Shade } from "../diff/colour";
import { segments } from "../diff/segments";
import type { Range } from "../diff/words";

const SHADE: Record<Shade, string> = {
  keyword: "text-accent-ink",
  string: "text-ok-ink",
  number: "text-info-ink",
  comment: "text-muted italic",
  name: "text-info-ink",
  type: "text-warn-ink",
  property: "text-ink",
  tag: "text-accent-ink",
  heading: "font-semibold",
  meta: "text-muted",
};

export interface CodeTextProps {
  text: string;
  colours?: readonly Coloured[];
  marks?: readonly Range[];
  side: "added" | "removed" | "context";
}

/** A line's text: colours, marks, and by name what would not be seen. */
export const CodeText = memo(function CodeText({ text, colours, marks, side }: CodeTextProps) {
  return segments(text, colours, marks).map((segment, index) => {
    const mark = segment.marked && (side === "added" ? "diff-mark-added" : "diff-mark-removed");
    if (segment.hidden !== null) {
      return (
        <span
          // biome-ignore lint/suspicious/noArrayIndexKey: pieces of a line never move.
          key={index}
          role="img"
          aria-label={review.diff.hiddenChar(segment.hidden)}
          title={review.diff.hiddenChar(segment.hidden)}
          className="mx-px rounded-sm bg-danger px-0.5 font-sans text-xs text-on-danger"
        >
          {segment.hidden}
        </span>
      );
    }
    const shade = segment.shade && !segment.marked ? SHADE[segment.shade] : "";
    return (
      // biome-ignore lint/suspicious/noArrayIndexKey: pieces of a line never move.
      <span key={index} className={cn(shade, mark)}>
        {segment.text}
      </span>
    );
  });
});
