import { Download } from "lucide-react";
import { useState } from "react";
import { toProblem } from "../api";
import type { Run } from "../api/types";
import { bytes } from "../lib/text";
import { run as words } from "../strings/run";
import { Button, CopyButton } from "../ui";
import { DOWNLOAD_MAX, downloadOutput, TooLarge } from "./download";

type Fetching = { size: number; stop: () => void } | { problem: string } | null;

/** Saves all of it, beyond what a page shows. */
export function WholeOutput({ run }: { run: Run }) {
  const [fetching, setFetching] = useState<Fetching>(null);
  const command = `freehold run logs ${run.id} > ${run.id}.log`;
  const begin = async () => {
    const abort = new AbortController();
    const stop = () => abort.abort();
    setFetching({ size: 0, stop });
    try {
      await downloadOutput(run.id, abort.signal, (size) => setFetching({ size, stop }));
      setFetching(null);
    } catch (error) {
      if (abort.signal.aborted) return setFetching(null);
      const large = error instanceof TooLarge;
      setFetching({
        problem: large
          ? words.output.downloadTooLarge(bytes(DOWNLOAD_MAX))
          : toProblem(error).title,
      });
    }
  };
  if (fetching && "size" in fetching) {
    return (
      <span className="flex items-center gap-2 text-sm text-muted">
        {words.output.downloading(bytes(fetching.size))}
        <Button size="sm" onClick={fetching.stop}>
          {words.output.downloadStop}
        </Button>
      </span>
    );
  }
  return (
    <>
      <Button size="sm" icon={<Download aria-hidden />} onClick={() => void begin()}>
        {words.output.download}
      </Button>
      {fetching && (
        <span role="alert" className="flex flex-wrap items-center gap-2 text-sm text-warn-ink">
          {fetching.problem}
          <code className="font-mono text-ink">{command}</code>
          <CopyButton text={command} />
        </span>
      )}
    </>
  );
}
