/** What the page and its worker say to each other. */

import type { Diff } from "./types";

export type ToWorker = { kind: "chunk"; bytes: Uint8Array } | { kind: "end"; complete: boolean };

export type FromWorker =
  | { kind: "progress"; files: number }
  /** Nothing more is taken: a bound was reached. */
  | { kind: "full" }
  | { kind: "done"; diff: Diff };
