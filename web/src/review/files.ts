/** The list of files: what the diff says of each, and the server's flags. Pure. */

import type { ReviewFile, ReviewFlag } from "../api/types";
import { matchesWords } from "../lib/text";
import type { FileDiff } from "./diff/types";

export interface Entry {
  file: FileDiff;
  flags: readonly ReviewFlag[];
}

/** Flags by path; two files of one path (a type that changed) share them. */
export function flagsByPath(files: readonly ReviewFile[]): Map<string, readonly ReviewFlag[]> {
  const found = new Map<string, readonly ReviewFlag[]>();
  for (const file of files) {
    if (file.flags.length === 0) continue;
    found.set(file.path, [...new Set([...(found.get(file.path) ?? []), ...file.flags])]);
  }
  return found;
}

/** Flagged files first, then the diff's own order. */
export function entriesOf(
  files: readonly FileDiff[],
  flags: ReadonlyMap<string, readonly ReviewFlag[]>,
): Entry[] {
  const all = files.map((file) => ({ file, flags: flags.get(file.path) ?? [] }));
  return [
    ...all.filter((one) => one.flags.length > 0),
    ...all.filter((one) => one.flags.length === 0),
  ];
}

export function filterEntries(entries: readonly Entry[], query: string): readonly Entry[] {
  const wanted = query.trim();
  if (wanted === "") return entries;
  return entries.filter(({ file }) => matchesWords(`${file.oldPath ?? ""} ${file.path}`, wanted));
}

/** A line of the list: a folder, or a file in it. */
export type ListRow =
  | { kind: "folder"; path: string; flagged: boolean }
  | { kind: "entry"; entry: Entry };

/** Files below the folder they are in; flagged ones have a group of their own, on top. */
export function listRows(entries: readonly Entry[]): ListRow[] {
  const rows: ListRow[] = [];
  let last: string | null = null;
  for (const entry of entries) {
    const flagged = entry.flags.length > 0;
    const path = flagged ? "" : folderOf(entry.file.path);
    const group = `${flagged} ${path}`;
    if (group !== last && (flagged || path !== "" || last !== null)) {
      rows.push({ kind: "folder", path, flagged });
    }
    last = group;
    rows.push({ kind: "entry", entry });
  }
  return rows;
}

export function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
