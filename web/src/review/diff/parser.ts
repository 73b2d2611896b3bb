import { DIFF_BYTES_MAX, FILES_MAX, HEADER_LINE_MAX, LINES_MAX, PROBLEMS_MAX } from "./bounds";
import { GrowingBytes } from "./bytes";
import { combinedHeader, fileOf, type Header, newHeader, readHeader } from "./header";
import { isFull, type OpenHunk, openHunk, takeLine } from "./hunk";
import { GrowingLines } from "./lines";
import { type Diff, type FileDiff, NO_NEWLINE, type ProblemCode } from "./types";

const LF = 0x0a;
const BACKSLASH = 0x5c;

export interface Limits {
  bytes: number;
  files: number;
  lines: number;
}

const LIMITS: Limits = { bytes: DIFF_BYTES_MAX, files: FILES_MAX, lines: LINES_MAX };

/**
 * Reads a git diff as its bytes come in. Whatever is wrong with it is told in `problems`; what could
 * be read is kept. Lines stay bytes and are decoded when they are shown.
 */
export class DiffParser {
  readonly #limits: Limits;
  readonly #input: GrowingBytes;
  readonly #lines = new GrowingLines();
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  readonly #keys = new Map<string, number>();
  readonly #diff: Pick<Diff, "files" | "problems"> = { files: [], problems: [] };
  #begin = 0;
  #scanned = 0;
  #number = 0;
  #full = false;
  #header: Header | null = null;
  #file: FileDiff | null = null;
  #hunk: OpenHunk | null = null;
  #inPatch = false;

  constructor(expected?: number, limits: Limits = LIMITS) {
    this.#limits = limits;
    this.#input = new GrowingBytes(expected);
  }

  /** Files that have begun so far, to tell how far it is. */
  get files(): number {
    return this.#diff.files.length;
  }

  /** Takes more bytes; false once nothing more is taken. */
  push(chunk: Uint8Array): boolean {
    if (this.#full) return false;
    const room = this.#limits.bytes - this.#input.length;
    this.#input.push(chunk.length > room ? chunk.subarray(0, room) : chunk);
    this.#scan();
    if (chunk.length > room && !this.#full) this.#stop("too_large");
    return !this.#full;
  }

  /** What there is. `complete` is false where the stream broke off. */
  end(complete = true): Diff {
    if (!this.#full && this.#begin < this.#input.length)
      this.#take(this.#begin, this.#input.length);
    const cut = this.#hunk !== null && !isFull(this.#hunk);
    this.#closeFile();
    if (!complete && !this.#full) this.#problem("cut_off");
    else if (cut && !this.#full) this.#problem("cut_off", this.#diff.files.at(-1));
    const { files, problems } = this.#diff;
    const sum = (of: (file: FileDiff) => number) => files.reduce((all, file) => all + of(file), 0);
    return {
      bytes: this.#input.finish(),
      files,
      problems,
      lines: this.#lines.finish(),
      additions: sum((file) => file.additions),
      deletions: sum((file) => file.deletions),
    };
  }

  #scan(): void {
    const input = this.#input;
    const taken = input.bytes.subarray(0, input.length);
    while (!this.#full) {
      const end = taken.indexOf(LF, this.#scanned);
      if (end < 0) {
        this.#scanned = input.length;
        return;
      }
      const begin = this.#begin;
      this.#begin = this.#scanned = end + 1;
      this.#take(begin, end);
    }
  }

  #take(from: number, to: number): void {
    this.#number++;
    const bytes = this.#input.bytes;
    const marker = from < to ? bytes[from] : 0;
    if (this.#hunk && this.#file) {
      if (marker === BACKSLASH) {
        this.#lines.flagLast(NO_NEWLINE);
        return;
      }
      if (!isFull(this.#hunk)) {
        this.#takeInHunk(this.#file, this.#hunk, from, to);
        return;
      }
    }
    // Of a patch's data, only lines that begin as "diff", "literal" or "delta" do can be more than data.
    const data = this.#inPatch && marker !== 0x64 && marker !== 0x6c;
    if (from < to && !data) this.#takeHeader(from, to);
  }

  #takeInHunk(file: FileDiff, hunk: OpenHunk, from: number, to: number): void {
    if (this.#lines.count >= this.#limits.lines) {
      this.#stop("too_many_lines", file);
      return;
    }
    if (takeLine(hunk, file, this.#lines, this.#input.bytes, from, to)) return;
    this.#hunk = null;
    this.#problem("short_hunk", file);
    this.#takeHeader(from, to);
  }

  #takeHeader(from: number, to: number): void {
    const most = Math.min(to, from + HEADER_LINE_MAX);
    const text = this.#decoder.decode(this.#input.bytes.subarray(from, most));
    const line = text.endsWith("\r") ? text.slice(0, -1) : text;
    if (line.startsWith("diff --git ")) this.#open(newHeader(line.slice(11)));
    else if (line.startsWith("diff --cc ")) this.#open(combinedHeader(line.slice(10)));
    else if (line.startsWith("diff --combined ")) this.#open(combinedHeader(line.slice(16)));
    else if (line.startsWith("@@")) this.#openHunk(line);
    else if (this.#header && !this.#file) this.#readHeader(this.#header, line);
    // Text before the first file is what mail and `git show` put there.
    else if (this.#file && this.#file.problem === null) this.#problem("bad_hunk", this.#file);
  }

  #readHeader(header: Header, line: string): void {
    if (line === "GIT binary patch") {
      this.#inPatch = true;
      header.binary ??= { oldSize: null, newSize: null };
    } else if (this.#inPatch) {
      this.#readPatch(line);
    } else if (!readHeader(header, line)) {
      this.#problem("bad_header");
    }
  }

  /** `literal 12` names a size, of the new content first and then of the old; `delta` does not. */
  #readPatch(line: string): void {
    const size = /^literal (\d{1,15})$/.exec(line)?.[1];
    const binary = this.#header?.binary;
    if (!binary || !/^(literal|delta) \d+$/.test(line)) return;
    if (binary.newSize === null) binary.newSize = size === undefined ? -1 : Number(size);
    else binary.oldSize = size === undefined ? null : Number(size);
  }

  #open(header: Header | null): void {
    this.#closeFile();
    if (this.#diff.files.length >= this.#limits.files) this.#stop("too_many_files");
    else if (header) this.#header = header;
    else this.#problem("bad_header");
  }

  #openHunk(line: string): void {
    const file = this.#file ?? this.#makeFile();
    const open = file && openHunk(line, this.#lines.count);
    this.#hunk = open;
    if (!file) this.#problem("no_header");
    else if (!open) this.#problem("bad_hunk", file);
    else file.hunks.push(open.hunk);
  }

  #makeFile(): FileDiff | null {
    if (!this.#header) return null;
    const made = fileOf(this.#header, this.#diff.files.length, (path) => this.#key(path));
    if (!made) {
      this.#header = null;
      this.#problem("bad_header");
      return null;
    }
    if (made.binary?.newSize === -1) made.binary.newSize = null;
    this.#diff.files.push(made);
    this.#file = made;
    return made;
  }

  #key(path: string): string {
    const times = (this.#keys.get(path) ?? 0) + 1;
    this.#keys.set(path, times);
    return times === 1 ? path : `${path}\0${times}`;
  }

  #closeFile(): void {
    if (this.#header && !this.#file) this.#makeFile();
    if (this.#file && this.#hunk && !isFull(this.#hunk)) this.#problem("short_hunk", this.#file);
    this.#header = null;
    this.#file = null;
    this.#hunk = null;
    this.#inPatch = false;
  }

  #stop(code: ProblemCode, file?: FileDiff): void {
    this.#full = true;
    this.#hunk = null;
    this.#problem(code, file);
  }

  #problem(code: ProblemCode, file?: FileDiff): void {
    if (file) file.problem ??= code;
    if (this.#diff.problems.length < PROBLEMS_MAX) {
      this.#diff.problems.push({ code, line: this.#number });
    }
  }
}

/** Reads a whole diff at once. */
export function parseDiff(bytes: Uint8Array): Diff {
  const parser = new DiffParser(bytes.length);
  parser.push(bytes);
  return parser.end();
}
