import { useEffect, useState } from "react";
import { type Colours, colour, isColourable } from "./diff/colour";
import { languageOf, loadParser } from "./diff/language";
import type { Diff, FileDiff } from "./diff/types";

/** Files whose colours are kept: those around the visible ones. */
const FILES_KEPT = 60;

/** Colours of a diff's files, made when a file is first seen. */
export class ColourBook {
  readonly #made = new Map<FileDiff, Colours>();
  readonly #wanted = new Set<FileDiff>();
  readonly #listeners = new Set<() => void>();
  #busy = false;

  constructor(private readonly diff: Diff) {}

  of(file: FileDiff): Colours | null {
    return this.#made.get(file) ?? null;
  }

  want(file: FileDiff): void {
    if (this.#made.has(file) || this.#wanted.has(file)) return;
    if (!languageOf(file.path) || !isColourable(this.diff, file)) return;
    this.#wanted.add(file);
    if (!this.#busy) void this.#work();
  }

  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #work(): Promise<void> {
    this.#busy = true;
    for (let file = this.#next(); file; file = this.#next()) {
      const language = languageOf(file.path);
      try {
        if (language) this.#keep(file, colour(this.diff, file, await loadParser(language)));
      } catch {
        // A grammar that could not be fetched: the text is there without colours.
        this.#keep(file, new Map());
      }
      this.#wanted.delete(file);
      for (const listener of this.#listeners) listener();
      await new Promise((resolve) => setTimeout(resolve));
    }
    this.#busy = false;
  }

  /** The one that was asked for last is the one that is on screen. */
  #next(): FileDiff | undefined {
    return [...this.#wanted].at(-1);
  }

  #keep(file: FileDiff, colours: Colours): void {
    this.#made.set(file, colours);
    const oldest = this.#made.keys().next().value;
    if (this.#made.size > FILES_KEPT && oldest) this.#made.delete(oldest);
  }
}

/** A file's colours; null until they are there. */
export function useColours(book: ColourBook, file: FileDiff): Colours | null {
  const [colours, setColours] = useState(() => book.of(file));
  useEffect(() => {
    setColours(book.of(file));
    book.want(file);
    return book.listen(() => setColours(book.of(file)));
  }, [book, file]);
  return colours;
}
