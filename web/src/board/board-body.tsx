import type { UseQueryResult } from "@tanstack/react-query";
import type { Card } from "../api";
import { board as say } from "../strings/board";
import { ErrorState } from "../ui";
import { BoardSkeleton, NoArchived, NoCards, NoMatch } from "./board-states";
import { type Board, LANES, type Lane } from "./lanes";
import { LanesView, type LanesViewProps } from "./lanes-view";
import type { Seed } from "./project-board";

interface Props {
  query: UseQueryResult<Card[]>;
  board: Board;
  /** What the filter leaves of the board. */
  kept: Board;
  hidden: number;
  archived: boolean;
  /** Null where this person adds no cards. */
  onExample: ((seed: Seed | null) => void) | null;
  onClear: () => void;
  onBack: () => void;
  lanes: Omit<LanesViewProps, "board" | "hidden" | "fixed">;
}

/** The lanes, or what stands in their place. */
export function BoardBody(props: Props) {
  const { query, board, kept, hidden, archived, onExample, lanes } = props;
  if (query.data === undefined) {
    if (query.isError)
      return <ErrorState problem={query.error} retry={() => void query.refetch()} />;
    return <BoardSkeleton />;
  }
  const all = LANES.reduce((sum, lane) => sum + board[lane].length, 0);
  if (all === 0 && archived) return <NoArchived onBack={props.onBack} />;
  if (all === 0 && lanes.adding === null) {
    const { exampleTitle: title, exampleBody: body } = say.empty;
    return (
      <NoCards
        onAdd={onExample && (() => onExample(null))}
        onExample={onExample && (() => onExample({ title, body, lane: null }))}
      />
    );
  }
  if (all > 0 && hidden === all) return <NoMatch hidden={hidden} onClear={props.onClear} />;
  return <LanesView {...lanes} board={kept} hidden={hiddenBy(board, kept)} fixed={archived} />;
}

function hiddenBy(board: Board, kept: Board): Record<Lane, number> {
  const pairs = LANES.map((lane) => [lane, board[lane].length - kept[lane].length]);
  return Object.fromEntries(pairs) as Record<Lane, number>;
}
