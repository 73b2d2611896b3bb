import { type RefObject, useEffect, useRef } from "react";
import { count } from "../lib/text";
import { board as say } from "../strings/board";
import { cn } from "../ui";
import { type Board, isLane, LANES, type Lane } from "./lanes";

interface Props {
  /** The row of lanes, which is one lane wide on a phone. */
  root: RefObject<HTMLElement | null>;
  board: Board;
  lane: Lane;
  onLane: (lane: Lane) => void;
}

/** On a phone one lane is seen at a time; this says which, and leads to the others. */
export function LaneSwitcher({ root, board, lane, onLane }: Props) {
  const first = useRef<Lane | null>(lane);
  const tell = useRef(onLane);
  tell.current = onLane;
  useEffect(() => {
    const row = root.current;
    if (!row || !isPaged(row)) return;
    // The address names a lane: the page begins there, once.
    if (first.current !== null) column(row, first.current)?.scrollIntoView({ inline: "start" });
    first.current = null;
    const seen = new IntersectionObserver(
      (entries) => {
        const name = entries
          .find((entry) => entry.isIntersecting)
          ?.target.getAttribute("data-lane");
        if (isLane(name) && isPaged(row)) tell.current(name);
      },
      // More than half of a lane is the lane that is seen.
      { root: row, threshold: 0.6 },
    );
    for (const column of row.querySelectorAll("[data-lane]")) seen.observe(column);
    return () => seen.disconnect();
  }, [root]);

  const go = (to: Lane) => {
    onLane(to);
    column(root.current, to)?.scrollIntoView({ inline: "start", block: "nearest" });
  };
  return (
    <nav
      aria-label={say.lanes}
      className="-mx-1 flex shrink-0 gap-1 overflow-x-auto px-1 pb-2 md:hidden"
    >
      {LANES.map((name) => (
        <button
          key={name}
          type="button"
          aria-current={name === lane ? "true" : undefined}
          onClick={() => go(name)}
          className={cn(
            "flex h-8 shrink-0 items-center gap-1.5 rounded-md px-2 text-sm",
            name === lane
              ? "bg-accent-soft font-medium text-accent-ink"
              : "text-muted hover:bg-hover",
          )}
        >
          {name}
          <span className="text-xs tabular-nums">{count(board[name].length)}</span>
        </button>
      ))}
    </nav>
  );
}

function column(row: HTMLElement | null, lane: Lane): Element | null {
  return row?.querySelector(`[data-lane="${lane}"]`) ?? null;
}

/** Whether the row shows one lane at a time. */
function isPaged(row: HTMLElement): boolean {
  const first = row.querySelector("[data-lane]");
  return first !== null && first.clientWidth > row.clientWidth * 0.9;
}
