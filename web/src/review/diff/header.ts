import { headerName, nameOf, sideName } from "./name";
import type { Binary, FileDiff, FileKind, FileStatus } from "./types";

/** What a file's header has said so far. */
export interface Header {
  old: string | null | undefined;
  now: string | null | undefined;
  rename: { from?: string; to?: string };
  verb: FileStatus;
  oldMode: string | null;
  newMode: string | null;
  similarity: number | null;
  blobs: string | null;
  binary: Binary | null;
}

export function newHeader(rest: string): Header | null {
  const names = headerName(rest);
  return {
    old: names?.old,
    now: names?.now,
    rename: {},
    verb: "modified",
    oldMode: null,
    newMode: null,
    similarity: null,
    blobs: null,
    binary: null,
  };
}

/** A merge's diff names the file once. */
export function combinedHeader(rest: string): Header | null {
  const name = nameOf(rest);
  if (name === null) return null;
  return { ...(newHeader("") as Header), old: name, now: name };
}

type Reader = (header: Header, rest: string) => void;

const READERS: readonly (readonly [string, Reader])[] = [
  ["index ", readIndex],
  ["--- ", (header, rest) => (header.old = sideName(rest, "a/") ?? orNull(rest, header.old))],
  ["+++ ", (header, rest) => (header.now = sideName(rest, "b/") ?? orNull(rest, header.now))],
  ["old mode ", (header, rest) => (header.oldMode = rest)],
  ["new mode ", (header, rest) => (header.newMode = rest)],
  ["new file mode ", (header, rest) => Object.assign(header, { verb: "added", newMode: rest })],
  [
    "deleted file mode ",
    (header, rest) => Object.assign(header, { verb: "deleted", oldMode: rest }),
  ],
  ["similarity index ", (header, rest) => (header.similarity = Number.parseInt(rest, 10))],
  ["dissimilarity index ", () => undefined],
  ["rename from ", (header, rest) => renamed(header, "renamed", "from", rest)],
  ["rename to ", (header, rest) => renamed(header, "renamed", "to", rest)],
  ["copy from ", (header, rest) => renamed(header, "copied", "from", rest)],
  ["copy to ", (header, rest) => renamed(header, "copied", "to", rest)],
  ["Binary files ", (header) => (header.binary ??= { oldSize: null, newSize: null })],
  ["mode ", (header, rest) => (header.newMode = rest.split("..").at(-1) ?? null)],
];

/** Takes one line of a header; false where it is none. */
export function readHeader(header: Header, line: string): boolean {
  const reader = READERS.find(([word]) => line.startsWith(word));
  reader?.[1](header, line.slice(reader[0].length));
  return reader !== undefined;
}

/** `/dev/null` says that this side does not exist; what cannot be read leaves what was known. */
function orNull(rest: string, known: string | null | undefined): string | null | undefined {
  return nameOf(rest) === "/dev/null" ? null : known;
}

function readIndex(header: Header, rest: string): void {
  const [blobs, mode] = rest.split(" ");
  header.blobs = blobs ?? null;
  if (mode) {
    header.oldMode ??= mode;
    header.newMode ??= mode;
  }
}

function renamed(header: Header, verb: FileStatus, side: "from" | "to", rest: string): void {
  header.verb = verb;
  header.rename[side] = nameOf(rest) ?? undefined;
}

function kindOf(mode: string | null): FileKind {
  if (mode?.startsWith("120")) return "symlink";
  if (mode?.startsWith("160")) return "submodule";
  return "file";
}

/** The file of a finished header. Null where it names none. */
export function fileOf(
  header: Header,
  index: number,
  key: (path: string) => string,
): FileDiff | null {
  const now = header.rename.to ?? header.now;
  const old = header.rename.from ?? header.old;
  const path = now ?? old;
  if (path === undefined || path === null) return null;
  const deleted = header.verb === "deleted" || now === null;
  const modes = header.oldMode !== header.newMode && header.oldMode !== null;
  let status: FileStatus = deleted ? "deleted" : header.verb;
  if (status === "modified" && old === null) status = "added";
  if (status === "modified" && modes && header.blobs === null && !header.binary) status = "mode";
  const moved = status === "renamed" || status === "copied";
  return {
    index,
    key: key(path),
    path,
    oldPath: moved && old ? old : null,
    status,
    kind: kindOf(header.newMode ?? header.oldMode),
    oldMode: header.oldMode,
    newMode: header.newMode,
    similarity: Number.isNaN(header.similarity) ? null : header.similarity,
    content: header.blobs && `${header.blobs} ${header.oldMode}..${header.newMode} ${old ?? ""}`,
    binary: header.binary,
    additions: 0,
    deletions: 0,
    hidden: 0,
    hunks: [],
    problem: null,
  };
}
