import { count } from "../lib/text";
import { review } from "../strings/review";

/** Lines added and removed; the signs are for the eye, the words for the ear. */
export function Counts({ additions, deletions }: { additions: number; deletions: number }) {
  return (
    <span className="flex shrink-0 gap-1.5 font-mono text-xs tabular-nums">
      <span className="text-ok-ink">
        <span aria-hidden>{`+${count(additions)}`}</span>
        <span className="sr-only">{review.header.added(additions)}</span>
      </span>
      <span className="text-danger-ink">
        <span aria-hidden>{`−${count(deletions)}`}</span>
        <span className="sr-only">{review.header.removed(deletions)}</span>
      </span>
    </span>
  );
}
