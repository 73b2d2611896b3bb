import { useCallback, useMemo, useState } from "react";
import { placeDrafts, type Selection, selectionOf } from "./anchor";
import { FILE_LINES_SHOWN, LINE_CHARS_MORE, OPEN_LINES_MAX } from "./diff/bounds";
import { type RowList, rowList } from "./diff/row-list";
import { fileRows, type Layout, lineCount, type Row } from "./diff/rows";
import type { Diff, FileDiff } from "./diff/types";
import type { Draft } from "./drafts";
import { isViewed, type Viewed } from "./viewed";

/** What is being written: on lines, or anew on a draft's place. */
export interface Editing {
  /** Of the draft that it is or becomes. */
  id: string;
  selection: Selection;
  draft: Draft | null;
}

export interface DiffViewOptions {
  diff: Diff;
  commit: string;
  /** In the order in which they are listed. */
  files: readonly FileDiff[];
  layout: Layout;
  viewed: Viewed;
  drafts: readonly Draft[];
}

const NO_LINES: ReadonlySet<number> = new Set();

/** Which files are open, how much of them is shown, what is selected; and the rows of that. */
export function useDiffView({ diff, commit, files, layout, viewed, drafts }: DiffViewOptions) {
  const [folded, setFolded] = useState<ReadonlyMap<number, boolean>>(new Map());
  const [shown, setShown] = useState<ReadonlyMap<number, number>>(new Map());
  const [long, setLong] = useState<ReadonlySet<number>>(NO_LINES);
  const [selection, setSelection] = useState<Selection | null>(null);
  const [editing, setEditing] = useState<Editing | null>(null);

  const openAtFirst = useMemo(() => firstOpen(files), [files]);
  const placed = useMemo(() => placeDrafts(diff, drafts, commit), [diff, drafts, commit]);
  const isOpen = useCallback(
    (file: FileDiff) =>
      folded.get(file.index) ?? (openAtFirst.has(file.index) && !isViewed(viewed, file, commit)),
    [folded, openAtFirst, viewed, commit],
  );

  // biome-ignore lint/correctness/useExhaustiveDependencies: rows are of one diff in one layout.
  const cache = useMemo(() => new Map<string, Row[]>(), [diff, layout]);
  const list = useMemo(
    (): RowList =>
      rowList(files, isOpen, (file) => {
        const lines = commentedLines(placed.get(file.index), editing, file);
        const limit = shown.get(file.index) ?? FILE_LINES_SHOWN;
        const key = `${file.index} ${limit} ${[...lines].join()}`;
        const known = cache.get(key);
        if (known) return known;
        const made = fileRows(diff, file, { layout, shown: limit, commented: lines });
        cache.set(key, made);
        return made;
      }),
    [files, isOpen, placed, editing, shown, cache, diff, layout],
  );

  const setOpen = useCallback((file: FileDiff, open: boolean) => {
    setFolded((map) => new Map(map).set(file.index, open));
  }, []);
  /** Back to what "viewed" says: marking a file folds it. */
  const followViewed = useCallback((file: FileDiff) => {
    setFolded((map) => {
      const next = new Map(map);
      next.delete(file.index);
      return next;
    });
  }, []);
  const showMore = useCallback((file: FileDiff) => {
    setShown((map) => {
      const now = map.get(file.index) ?? FILE_LINES_SHOWN;
      return new Map(map).set(file.index, now + FILE_LINES_SHOWN * 4);
    });
  }, []);
  const showLine = useCallback((line: number) => setLong((set) => new Set(set).add(line)), []);
  const charsOf = useCallback(
    (line: number) => (long.has(line) ? LINE_CHARS_MORE : undefined),
    [long],
  );
  const select = useCallback((file: FileDiff, from: number, to: number) => {
    setSelection(selectionOf(file, from, to));
  }, []);

  return {
    list,
    placed,
    isOpen,
    setOpen,
    followViewed,
    showMore,
    showLine,
    charsOf,
    selection,
    setSelection,
    select,
    editing,
    setEditing,
  };
}

export type DiffViewState = ReturnType<typeof useDiffView>;

/** Files from the top until there are too many lines to lay out at once. */
function firstOpen(files: readonly FileDiff[]): ReadonlySet<number> {
  const open = new Set<number>();
  let lines = 0;
  for (const file of files) {
    lines += Math.min(lineCount(file), FILE_LINES_SHOWN);
    if (lines > OPEN_LINES_MAX) break;
    open.add(file.index);
  }
  return open;
}

function commentedLines(
  placed: ReadonlyMap<number, Draft[]> | undefined,
  editing: Editing | null,
  file: FileDiff,
): ReadonlySet<number> {
  const own = editing?.selection.file === file ? editing.selection.last : null;
  if (!placed && own === null) return NO_LINES;
  const lines = new Set(placed?.keys());
  if (own !== null) lines.add(own);
  return lines;
}
