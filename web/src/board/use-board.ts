import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useMemo, useRef, useState } from "react";
import type { Card } from "../api";
import { keys } from "../api/queries";
import { truncate } from "../lib/text";
import { board as say } from "../strings/board";
import { toast } from "../ui";
import type { Board } from "./lanes";
import {
  type Change,
  inverse,
  isIdle,
  PENDING_MAX,
  type Pending,
  reduce,
  type Shelf,
  shown,
} from "./pending";
import { Dropped, Queue } from "./queue";
import { lookAt, type Refusal, refusalOf, send } from "./requests";
import { putCard, useCards } from "./use-cards";

/** Titles in a toast are names, not texts. */
const NAME_MAX = 60;

let lastOp = 0;

/** The board of a project: the server's cards with a person's own changes on top, at once. */
export function useBoard(project: string, shelf: Shelf) {
  const client = useQueryClient();
  const query = useCards(project, shelf);
  const [pending, setPending] = useState<readonly Pending[]>([]);
  const latest = useRef(pending);
  const [queue] = useState(() => new Queue(send));
  /** Only the last change has a word on the screen; a pile of them would cover the board. */
  const noted = useRef<number | null>(null);
  const undoing = useRef<(() => void) | null>(null);
  const board = useMemo(
    () => shown({ server: query.data ?? [], pending }, shelf),
    [query.data, pending, shelf],
  );
  const seen = useRef(board);
  seen.current = board;

  const dispatch = useCallback((event: Parameters<typeof reduce>[1]) => {
    latest.current = reduce({ server: [], pending: latest.current }, event).pending;
    setPending(latest.current);
  }, []);

  /** True when the server took it. */
  const run = useCallback(
    async (entry: Pending): Promise<Refusal | null | "dropped"> => {
      dispatch({ type: "done", ...entry });
      try {
        const card = await queue.push(entry);
        // A list that was asked for before the change must not come after it.
        await Promise.all([
          client.cancelQueries({ queryKey: keys.cards(project) }),
          client.cancelQueries({ queryKey: keys.archived(project) }),
        ]);
        putCard(client, card);
        dispatch({ type: "accepted", op: entry.op, card });
        return null;
      } catch (error) {
        const refusal =
          error instanceof Dropped ? "dropped" : await refusalOf(entry.change, error, lookAt);
        dispatch({ type: "refused", op: entry.op });
        return refusal;
      } finally {
        if (latest.current.length === 0) settle(client, project);
      }
    },
    [client, project, dispatch, queue],
  );

  const apply = useCallback(
    async (changes: readonly Change[], done: string, isUndo = false): Promise<boolean> => {
      const before = seen.current;
      const wanted = changes.filter((change) => !isIdle(before, change));
      if (wanted.length === 0) return true;
      if (latest.current.length + wanted.length > PENDING_MAX) {
        toast.show({ title: say.refused.busy, tone: "warn" });
        return false;
      }
      const names = new Map(wanted.map((change) => [change.card, nameOf(before, change.card)]));
      const back = wanted.flatMap((change) => inverse(before, change) ?? []).reverse();
      const undo = () => void apply(back, say.undo, true);
      if (!isUndo) undoing.current = undo;
      if (noted.current !== null) toast.dismiss(noted.current);
      const note = isUndo
        ? null
        : toast.show({
            title: done,
            action: back.length > 0 ? { label: say.undo, onSelect: undo } : undefined,
          });
      noted.current = note;
      const refusals = await Promise.all(
        wanted.map((change) => {
          lastOp += 1;
          return run({ op: lastOp, change });
        }),
      );
      const lost = wanted.flatMap((change, index) => {
        const refusal = refusals[index];
        return refusal && refusal !== "dropped" ? [{ change, refusal }] : [];
      });
      if (lost.length === 0) return true;
      if (note !== null && lost.length === wanted.length) toast.dismiss(note);
      tell(
        lost,
        wanted.length,
        names,
        () =>
          void apply(
            lost.map((one) => one.change),
            done,
          ),
      );
      return false;
    },
    [run],
  );

  const undo = useCallback(() => {
    const last = undoing.current;
    undoing.current = null;
    last?.();
    return last !== null;
  }, []);

  return { query, board, pending, apply, undo };
}

type Client = ReturnType<typeof useQueryClient>;

/** When nothing is under way any more, the server's word is asked for once. */
function settle(client: Client, project: string) {
  void client.invalidateQueries({ queryKey: keys.cards(project) });
  void client.invalidateQueries({ queryKey: keys.archived(project) });
}

interface Lost {
  change: Change;
  refusal: Refusal;
}

function tell(lost: readonly Lost[], of: number, names: Map<string, string>, retry: () => void) {
  const first = lost[0] as Lost;
  const name = names.get(first.change.card) ?? "";
  const again = lost.every(({ refusal }) => refusal.kind === "offline" || refusal.kind === "other");
  toast.show({
    title: lost.length > 1 ? say.refused.many(lost.length, of) : headline(first.change, name),
    body: why(first.refusal),
    tone: "danger",
    action: again ? { label: say.retry, onSelect: retry } : undefined,
  });
}

function headline(change: Change, name: string): string {
  switch (change.kind) {
    case "move":
      return say.refused.move(name, change.place.lane);
    case "archive":
      return say.refused.archive(name);
    case "restore":
      return say.refused.restore(name);
  }
}

function why(refusal: Refusal): string {
  switch (refusal.kind) {
    case "offline":
      return say.refused.offline;
    case "gone":
      return say.refused.gone;
    case "live":
      return say.refused.live;
    case "meanwhile":
      return refusal.lane === null
        ? say.refused.meanwhileUnknown
        : say.refused.meanwhile(refusal.lane);
    case "other":
      return [refusal.detail, refusal.next].filter(Boolean).join(". ");
  }
}

function nameOf(board: Board, id: string): string {
  const card: Card | undefined = Object.values(board)
    .flat()
    .find((other) => other.id === id);
  return truncate(card?.title ?? id, NAME_MAX);
}
