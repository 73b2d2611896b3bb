import { type RefObject, useEffect, useRef } from "react";
import { nextRow, type RowList } from "./diff/row-list";
import type { Row } from "./diff/rows";
import type { DiffContextValue } from "./diff-context";
import type { DiffListHandle } from "./diff-list";
import { type ReviewKey, useReviewKeys } from "./use-review-keys";

export interface DiffKeysOptions {
  context: DiffContextValue;
  list: RowList;
  handle: RefObject<DiffListHandle | null>;
  cursor: number;
  reveal: (index: number) => void;
}

const isFile = (row: Row) => row.kind === "file";
const isHunk = (row: Row) => row.kind === "hunk";
const isStop = (row: Row) => row.kind !== "comment";

/** The index of the line that a row is about; -1 where it is about none. */
export function lineOfRow(row: Row | undefined): number {
  if (row?.kind === "line" || row?.kind === "comment") return row.line;
  if (row?.kind === "split") return row.right >= 0 ? row.right : row.left;
  return -1;
}

/** Walks and acts by keys, from the focused row or from what is on screen. */
export function useDiffKeys({ context, list, handle, cursor, reveal }: DiffKeysOptions): void {
  const { view } = context;

  /** Where the reader is: the focused row as long as it is seen, the top of the screen otherwise. */
  function here(): number {
    if (cursor >= 0 && cursor < list.count && handle.current?.isShown(cursor)) return cursor;
    return handle.current?.top() ?? 0;
  }

  function go(step: 1 | -1, wanted: (row: Row) => boolean): boolean {
    const from = here();
    // The file that is on top counts as the present one, also when only its lines are seen.
    const start = wanted === isFile && step === 1 ? list.headerAbove(from) : from;
    const next = nextRow(list, cursor < 0 && step === 1 ? start - 1 : start, step, wanted);
    if (next === null) return false;
    view.setSelection(null);
    reveal(next);
    return true;
  }

  function extend(step: 1 | -1): boolean {
    const from = here();
    const row = list.at(from);
    const next = nextRow(list, from, step, (one) => lineOfRow(one) >= 0 && one.kind !== "comment");
    if (!row || next === null || lineOfRow(row) < 0) return false;
    const to = lineOfRow(list.at(next));
    const chosen = view.selection;
    const anchor = chosen ? (step === 1 ? chosen.first : chosen.last) : lineOfRow(row);
    view.select(row.file, anchor, to);
    reveal(next);
    return true;
  }

  function comment(): boolean {
    const { selection } = view;
    if (selection) {
      context.comment(selection.file, selection.first, selection.last);
      return true;
    }
    const from = here();
    const index =
      lineOfRow(list.at(from)) >= 0 ? from : nextRow(list, from, 1, (row) => lineOfRow(row) >= 0);
    const row = index === null ? undefined : list.at(index);
    if (!row) return false;
    context.comment(row.file, lineOfRow(row), lineOfRow(row));
    return true;
  }

  function fileHere() {
    return list.at(list.headerAbove(here()))?.file;
  }

  function markViewed(): boolean {
    const file = fileHere();
    if (!file) return false;
    const on = !context.isViewed(file);
    const next = on
      ? nextRow(list, list.headerOf(file), 1, (row) => isFile(row) && !context.isViewed(row.file))
      : null;
    const target = next === null ? file : (list.at(next)?.file ?? file);
    context.setViewed(file, on);
    // The rows above it are folded first; only then is it known where the next one stands.
    requestAnimationFrame(() => revealFile.current(target));
    return true;
  }

  const revealFile = useLatest((file: Row["file"]) => reveal(list.headerOf(file)));

  function inDiff(): boolean {
    return (
      document.activeElement?.closest('[role="grid"]') !== null &&
      document.activeElement !== document.body
    );
  }

  const act: Partial<Record<ReviewKey, () => boolean>> = {
    j: () => go(1, isFile),
    k: () => go(-1, isFile),
    n: () => go(1, isHunk),
    p: () => go(-1, isHunk),
    arrowdown: () => inDiff() && go(1, isStop),
    arrowup: () => inDiff() && go(-1, isStop),
    "shift+arrowdown": () => inDiff() && extend(1),
    "shift+arrowup": () => inDiff() && extend(-1),
    c: comment,
    v: markViewed,
    x: () => {
      const file = fileHere();
      if (file) view.setOpen(file, !view.isOpen(file));
      return file !== undefined;
    },
    "/": () => {
      const filter = document.querySelector<HTMLElement>("[data-review-filter]");
      filter?.focus();
      return filter !== null;
    },
  };
  useReviewKeys((key) => act[key]?.() ?? false);
}

/** The newest version of a function, for what is called later. */
function useLatest<T>(value: T): RefObject<T> {
  const latest = useRef(value);
  useEffect(() => {
    latest.current = value;
  });
  return latest;
}
