import { type Board, LANES } from "./lanes";

/** Cards that are changed at one stroke. Each is a request, and an undo is as many again. */
export const SELECT_MAX = 50;

export type Selection = ReadonlySet<string>;

export const none: Selection = new Set();

/** Null when the selection is full. */
export function toggled(selection: Selection, id: string): Selection | null {
  const next = new Set(selection);
  if (!next.delete(id)) {
    if (next.size >= SELECT_MAX) return null;
    next.add(id);
  }
  return next;
}

/** Those of the selected that are shown, in the order in which they stand: what is not seen is not changed. */
export function selected(board: Board, selection: Selection): string[] {
  if (selection.size === 0) return [];
  return LANES.flatMap((lane) => board[lane].map((card) => card.id)).filter((id) =>
    selection.has(id),
  );
}
