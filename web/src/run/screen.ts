// What a program printed, as a terminal shows it: cursor movements, carriage returns and colours
// interpreted by xterm without a terminal's own drawing. Nothing that it asks for is answered.
import { Terminal } from "@xterm/headless/lib-headless/xterm-headless.mjs";
import { type Cell, type Span, spansOf } from "./spans";

/** Lines kept. Older ones are in the whole output, which can be downloaded. */
export const LINES_MAX = 10_000;
/** Programs that print to a pipe do not wrap; the terminal should not either where it can be helped. */
const COLUMNS = 240;
/** Rows of the terminal that are joined into one line: a line of megabytes would be one huge element. */
const JOINED_MAX = 40;
/** How far up a program may move the cursor. */
const ROWS = 60;

export class Screen {
  #terminal = new Terminal({
    cols: COLUMNS,
    rows: ROWS,
    scrollback: LINES_MAX,
    allowProposedApi: true,
    // Pipes carry line feeds without carriage returns.
    convertEol: true,
    logLevel: "off",
  });
  #starts: number[] = [];
  #cache = new Map<number, Span[]>();

  /** Takes in what was printed. Resolves when it has been interpreted. */
  write(data: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#terminal.write(data, () => {
        this.#cache.clear();
        resolve();
      });
    });
  }

  /** Looks where lines begin now; lines that were wrapped are one. */
  refresh(): number {
    const buffer = this.#terminal.buffer.active;
    this.#starts = [];
    const used = buffer.baseY + lastUsed(buffer, buffer.baseY) + 1;
    for (let y = 0; y < used; y++) {
      const joined = y - (this.#starts.at(-1) ?? Number.NEGATIVE_INFINITY);
      if (!buffer.getLine(y)?.isWrapped || joined >= JOINED_MAX) this.#starts.push(y);
    }
    this.#cache.clear();
    return this.#starts.length;
  }

  /** A line, as runs of text. */
  line(index: number): Span[] {
    const known = this.#cache.get(index);
    if (known) return known;
    const spans = spansOf(this.#cells(index));
    if (this.#cache.size > 1_000) this.#cache.clear();
    this.#cache.set(index, spans);
    return spans;
  }

  /** A line as plain text. */
  text(index: number): string {
    const buffer = this.#terminal.buffer.active;
    const [first, end] = this.#range(index);
    let text = "";
    for (let y = first; y < end; y++)
      text += buffer.getLine(y)?.translateToString(y === end - 1) ?? "";
    return text;
  }

  #range(index: number): [number, number] {
    const first = this.#starts[index] ?? 0;
    const buffer = this.#terminal.buffer.active;
    return [
      first,
      this.#starts[index + 1] ?? Math.min(buffer.length, first + 1 + wrapped(buffer, first)),
    ];
  }

  *#cells(index: number): Generator<Cell> {
    const buffer = this.#terminal.buffer.active;
    const cell = buffer.getNullCell();
    const [first, end] = this.#range(index);
    for (let y = first; y < end; y++) {
      const line = buffer.getLine(y);
      if (!line) return;
      const length = y === end - 1 ? line.translateToString(true).length : line.length;
      // Coloured blanks at the end of a line are kept, plain ones are not worth a look.
      for (let x = 0; x < line.length; x++) {
        const got = line.getCell(x, cell);
        if (!got) break;
        if (x >= length && got.getChars() === "" && !got.isBgRGB() && !got.isBgPalette()) continue;
        yield got;
      }
    }
  }

  close(): void {
    this.#terminal.dispose();
  }
}

interface Lines {
  readonly length: number;
  getLine(y: number): { isWrapped: boolean; translateToString(trim: boolean): string } | undefined;
}

function wrapped(buffer: Lines, first: number): number {
  let more = 0;
  while (buffer.getLine(first + 1 + more)?.isWrapped) more++;
  return more;
}

/** The last line of the screen with something on it, counted from its top; -1 when it is empty. */
function lastUsed(buffer: Lines, base: number): number {
  for (let y = Math.min(ROWS, buffer.length - base) - 1; y >= 0; y--) {
    if (buffer.getLine(base + y)?.translateToString(true)) return y;
  }
  return -1;
}
