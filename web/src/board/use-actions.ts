import { useCallback, useMemo, useRef } from "react";
import type { Act } from "../api";
import { copy } from "../card/copy";
import { board as say } from "../strings/board";
import type { CardActions } from "./card-menu";
import { type Board, type Lane, type Place, placeOf } from "./lanes";
import type { Change } from "./pending";
import type { useBoard } from "./use-board";

type Apply = ReturnType<typeof useBoard>["apply"];

interface Options {
  project: string;
  board: Board;
  apply: Apply;
  open: (id: string, intent: "edit" | "start" | null) => void;
  may: (act: Act) => boolean;
}

/** Everything that moves cards: the same for the menu, the keys, the pointer, the drawer and the selection. */
export function useActions(options: Options) {
  const latest = useRef(options);
  latest.current = options;

  const { may } = options;

  const move = useCallback((id: string, place: Place) => {
    const { board, apply } = latest.current;
    const from = placeOf(board, id)?.lane;
    if (!from) return;
    const words = from === place.lane ? say.reordered : say.moved(place.lane);
    void apply([{ kind: "move", card: id, place, from }], words);
  }, []);

  const moveAll = useCallback((ids: readonly string[], lane: Lane) => {
    const { board, apply } = latest.current;
    const changes = ids.flatMap((id): Change[] => {
      const from = placeOf(board, id)?.lane;
      return from ? [{ kind: "move", card: id, place: { lane, before: null }, from }] : [];
    });
    void apply(changes, say.movedMany(changes.length, lane));
  }, []);

  const put = useCallback((ids: readonly string[], kind: "archive" | "restore") => {
    const many = kind === "archive" ? say.archivedMany : say.restoredMany;
    const one = kind === "archive" ? say.archived : say.restored;
    const words = ids.length === 1 ? one : many(ids.length);
    void latest.current.apply(
      ids.map((card) => ({ kind, card })),
      words,
    );
  }, []);

  const actions = useMemo<CardActions>(
    () => ({
      open: (id) => latest.current.open(id, null),
      copyLink: (id) => void copy(linkTo(latest.current.project, id)),
      edit: may("card.edit") ? (id) => latest.current.open(id, "edit") : null,
      start: may("run.start") ? (id) => latest.current.open(id, "start") : null,
      moveTo: may("card.move")
        ? (id, lane, top) => {
            const first = latest.current.board[lane][0]?.id ?? null;
            move(id, { lane, before: top ? first : null });
          }
        : null,
      archive: may("card.archive") ? (id) => put([id], "archive") : null,
      restore: may("card.restore") ? (id) => put([id], "restore") : null,
    }),
    [move, put, may],
  );
  return { actions, move, moveAll, put };
}

function linkTo(project: string, card: string): string {
  const address = new URL(`/projects/${encodeURIComponent(project)}`, location.href);
  address.searchParams.set("card", card);
  return address.href;
}
