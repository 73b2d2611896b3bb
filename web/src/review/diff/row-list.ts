import type { Row } from "./rows";
import type { FileDiff } from "./types";

/** Rows of files one after the other, without one array of all of them. */
export interface RowList {
  count: number;
  at(index: number): Row | undefined;
  /** Where a file's header stands; -1 for a file that is not in the list. */
  headerOf(file: FileDiff): number;
  /** The header at or above a row. */
  headerAbove(index: number): number;
}

/** `rowsOf` is asked for open files only; a closed one has its header and nothing else. */
export function rowList(
  files: readonly FileDiff[],
  isOpen: (file: FileDiff) => boolean,
  rowsOf: (file: FileDiff) => readonly Row[],
): RowList {
  const parts = files.map((file): readonly Row[] =>
    isOpen(file) ? rowsOf(file) : [{ kind: "file", file }],
  );
  const starts = new Uint32Array(parts.length + 1);
  parts.forEach((part, at) => {
    starts[at + 1] = (starts[at] as number) + part.length;
  });
  const headers = new Map(files.map((file, at) => [file.index, starts[at] as number]));
  const partOf = (index: number) => lastNotAbove(starts, index, parts.length);
  return {
    count: starts[parts.length] as number,
    at(index) {
      const part = partOf(index);
      return parts[part]?.[index - (starts[part] as number)];
    },
    headerOf: (file) => headers.get(file.index) ?? -1,
    headerAbove: (index) => starts[partOf(index)] as number,
  };
}

/** The last of the first `count` sorted numbers that is at most `wanted`. */
function lastNotAbove(sorted: Uint32Array, wanted: number, count: number): number {
  let [low, high] = [0, Math.max(count - 1, 0)];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((sorted[middle] as number) <= wanted) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The next row of a kind in a direction, for the keys that jump. */
export function nextRow(
  list: RowList,
  from: number,
  step: 1 | -1,
  wanted: (row: Row) => boolean,
): number | null {
  for (let at = from + step; at >= 0 && at < list.count; at += step) {
    const row = list.at(at);
    if (row && wanted(row)) return at;
  }
  return null;
}
