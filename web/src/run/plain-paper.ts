import { LINE_MAX, plainOutput } from "./plain-output";
import type { Span } from "./spans";

/** Lines kept, as many as the terminal keeps. */
const LINES_MAX = 10_000;

/** What output is written on: interpreted by a terminal, or as plain text where there is none. */
export interface Paper {
  write(data: string | Uint8Array): Promise<void>;
  /** Takes stock; gives the number of lines. */
  refresh(): number;
  line(index: number): Span[];
  text(index: number): string;
  close(): void;
}

/** Output without a terminal. */
export class PlainPaper implements Paper {
  #decoder = new TextDecoder();
  #rest = "";
  #lines: string[] = [];

  async write(data: string | Uint8Array): Promise<void> {
    const text = typeof data === "string" ? data : this.#decoder.decode(data, { stream: true });
    const lines = (this.#rest + text).split("\n");
    this.#rest = (lines.pop() ?? "").slice(-LINE_MAX);
    for (const line of lines)
      this.#lines.push(plainOutput(`${line}\n`).slice(0, LINE_MAX).trimEnd());
    if (this.#lines.length > LINES_MAX) this.#lines = this.#lines.slice(-LINES_MAX);
  }

  refresh(): number {
    return this.#lines.length + (this.#rest === "" ? 0 : 1);
  }

  line(index: number): Span[] {
    const text = this.text(index);
    return text === "" ? [] : [{ text, look: null }];
  }

  text(index: number): string {
    return this.#lines[index] ?? plainOutput(this.#rest);
  }

  close(): void {
    this.#lines = [];
  }
}
