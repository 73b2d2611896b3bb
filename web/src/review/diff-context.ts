import { createContext, useContext } from "react";
import type { ReviewFlag } from "../api/types";
import type { Layout } from "./diff/rows";
import type { Diff, FileDiff } from "./diff/types";
import type { Draft } from "./drafts";
import type { ColourBook } from "./use-colours";
import type { DiffViewState } from "./use-diff-view";

/** What the rows of a diff need, whatever row they are. */
export interface DiffContextValue {
  diff: Diff;
  commit: string;
  layout: Layout;
  book: ColourBook;
  view: DiffViewState;
  flagsOf: (file: FileDiff) => readonly ReviewFlag[];
  isViewed: (file: FileDiff) => boolean;
  setViewed: (file: FileDiff, on: boolean) => void;
  putComment: (draft: Draft) => boolean;
  dropComment: (draft: Draft) => void;
  /** Begins a comment on what is selected. */
  comment: (file: FileDiff, from: number, to: number) => void;
}

export const DiffContext = createContext<DiffContextValue | null>(null);

export function useDiffContext(): DiffContextValue {
  const value = useContext(DiffContext);
  if (!value) throw new Error("a row of a diff stands outside of its list");
  return value;
}
