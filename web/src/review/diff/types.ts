/** What became of a file. `mode`: only its permissions changed. */
export type FileStatus = "added" | "modified" | "deleted" | "renamed" | "copied" | "mode";

/** What a path names, by its git mode. */
export type FileKind = "file" | "symlink" | "submodule";

/** A file whose content is no text. Sizes where git's patch names them. */
export interface Binary {
  oldSize: number | null;
  newSize: number | null;
}

export interface Hunk {
  oldStart: number;
  oldLines: number;
  newStart: number;
  newLines: number;
  /** What git found to be the enclosing function. */
  section: string;
  /** Its lines in {@link Lines}: first, and one past the last. */
  first: number;
  end: number;
}

export interface FileDiff {
  index: number;
  /** Unique in the diff: the path, numbered where one path occurs twice (a type that changed). */
  key: string;
  /** The path now; the former one of a deleted file. */
  path: string;
  oldPath: string | null;
  status: FileStatus;
  kind: FileKind;
  oldMode: string | null;
  newMode: string | null;
  /** Percent, of a rename or copy. */
  similarity: number | null;
  /** Names exactly this change of content: object names and modes. Null where git named none. */
  content: string | null;
  binary: Binary | null;
  additions: number;
  deletions: number;
  /** Added lines that hold characters which are not seen or turn the reading order. */
  hidden: number;
  hunks: Hunk[];
  /** What could not be read of it. */
  problem: ProblemCode | null;
}

export const CONTEXT = 0;
export const ADDED = 1;
export const REMOVED = 2;
export type Change = typeof CONTEXT | typeof ADDED | typeof REMOVED;

/** Two bits of {@link Lines.flags} hold the change; these are beside them. */
export const CHANGE_MASK = 3;
export const NO_NEWLINE = 4;
export const CARRIAGE_RETURN = 8;
export const HIDDEN = 16;

/** All lines of all hunks, as an index into the diff's bytes: a string each would take ten times the room. */
export interface Lines {
  count: number;
  /** Where the line's text begins, behind its marker. */
  from: Uint32Array;
  /** Where it ends, before CR LF. */
  to: Uint32Array;
  oldNumber: Uint32Array;
  newNumber: Uint32Array;
  flags: Uint8Array;
}

export type ProblemCode =
  | "no_header"
  | "bad_header"
  | "bad_hunk"
  | "short_hunk"
  | "cut_off"
  | "too_large"
  | "too_many_files"
  | "too_many_lines";

export interface Problem {
  code: ProblemCode;
  /** The line of the diff, from 1. */
  line: number;
}

/** A diff as far as it could be read. */
export interface Diff {
  bytes: Uint8Array;
  files: FileDiff[];
  lines: Lines;
  additions: number;
  deletions: number;
  problems: Problem[];
}
