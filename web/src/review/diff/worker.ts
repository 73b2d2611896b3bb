// Reads a diff away from the page's own thread. What it holds is transferred, not copied.

import type { FromWorker, ToWorker } from "./message";
import { DiffParser } from "./parser";

/** As much as is worth telling a person who waits. */
const PROGRESS_MS = 150;

const scope = self as unknown as {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker, transfer?: Transferable[]): void;
};

const parser = new DiffParser();
let told = 0;

scope.onmessage = ({ data }) => {
  if (data.kind === "chunk") take(data.bytes);
  else finish(data.complete);
};

function take(bytes: Uint8Array): void {
  if (!parser.push(bytes)) scope.postMessage({ kind: "full" });
  const now = performance.now();
  if (now - told < PROGRESS_MS) return;
  told = now;
  scope.postMessage({ kind: "progress", files: parser.files });
}

function finish(complete: boolean): void {
  const diff = parser.end(complete);
  const { lines } = diff;
  const parts = [diff.bytes, lines.from, lines.to, lines.oldNumber, lines.newNumber, lines.flags];
  scope.postMessage(
    { kind: "done", diff },
    parts.map((part) => part.buffer as ArrayBuffer),
  );
}
