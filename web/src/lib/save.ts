/** Hands something to the browser as a file. */

/** Time after which the browser has taken the file; the address holds the memory until then. */
const TAKEN_MS = 60_000;

export function saveFile(blob: Blob, name: string): void {
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), TAKEN_MS);
}

/** What a page holds in memory to make a file of; more is saved by the command. */
export const DOWNLOAD_MAX = 256 * 1024 * 1024;

export class TooLarge extends Error {
  override readonly name = "TooLarge";
}

/** Reads an answer to its end; a stream that breaks off throws, and makes no file. */
export async function readWhole(
  response: Response,
  type: string,
  progress: (bytes: number) => void,
): Promise<Blob> {
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
  return new Blob(pieces, { type });
}
