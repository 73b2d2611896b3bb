import { api } from "../api/client";
import { readWhole, saveFile } from "../lib/save";

export { DOWNLOAD_MAX, TooLarge } from "../lib/save";

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
  saveFile(await readWhole(response, "application/octet-stream", progress), `${run}.log`);
}
