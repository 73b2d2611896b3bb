import { api } from "../api/client";

/** What a page holds in memory to make a file of; more is saved by the command. */
export const DOWNLOAD_MAX = 256 * 1024 * 1024;

export class TooLarge extends Error {
  override readonly name = "TooLarge";
}

/** Fetches the agent's whole output and hands it to the browser as a file. */
export async function downloadOutput(
  run: string,
  signal: AbortSignal,
  progress: (bytes: number) => void,
): Promise<void> {
  const response = await api.raw("GET", "/runs/{run}/logs", {
    path: { run },
    signal,
    timeout: null,
  });
  const reader = response.body?.getReader();
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  while (reader) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > DOWNLOAD_MAX) {
      await reader.cancel();
      throw new TooLarge();
    }
    pieces.push(value);
    progress(size);
  }
  save(new Blob(pieces, { type: "application/octet-stream" }), `${run}.log`);
}

/** Time after which the browser has taken the file; the address holds the memory until then. */
const TAKEN_MS = 60_000;

function save(blob: Blob, name: string): void {
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), TAKEN_MS);
}
