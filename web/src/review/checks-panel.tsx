import { useQuery } from "@tanstack/react-query";
import { ChevronDown, ChevronRight, CircleCheck, CircleDashed, CircleX } from "lucide-react";
import { useId, useState } from "react";
import { api } from "../api";
import type { Evidence, Run } from "../api/types";
import { duration } from "../lib/time";
import { outputText } from "../run/event";
import { plainOutput } from "../run/plain-output";
import { review as words } from "../strings/review";
import { Button, CodeBlock, FormError, Link, Spinner } from "../ui";
import { lastTurn } from "./last-turn";
import { Panel } from "./panels";

/** Events of a check's output that are fetched: its end says what went wrong. */
const EVENTS = 200;
/** Characters of it that are shown. */
const OUTPUT_CHARS = 64 * 1024;

export interface ChecksPanelProps {
  run: Run;
  evidence: readonly Evidence[];
  /** There is work, so what was to be checked has been. */
  done: boolean;
}

export function ChecksPanel({ run, evidence, done }: ChecksPanelProps) {
  const text = words.checks;
  return (
    <Panel title={text.title}>
      {evidence.length === 0 && !done ? (
        <p className="text-muted">{text.pending}</p>
      ) : evidence.length === 0 ? (
        <div>
          <p className="text-warn-ink">{text.none}</p>
          <p className="text-sm text-muted">{text.noneNext}</p>
        </div>
      ) : (
        <ul className="-mx-3 flex flex-col divide-y divide-line">
          {evidence.map((check, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: checks keep their order, and two can have one name.
            <CheckLine key={index} run={run} check={check} />
          ))}
        </ul>
      )}
    </Panel>
  );
}

function CheckLine({ run, check }: { run: Run; check: Evidence }) {
  const text = words.checks;
  const red = check.state !== "passed";
  const [open, setOpen] = useState(false);
  const id = useId();
  const Icon =
    check.state === "passed" ? CircleCheck : check.state === "skipped" ? CircleDashed : CircleX;
  return (
    <li className="flex flex-col">
      <button
        type="button"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        onClick={() => setOpen(!open)}
        className="flex min-h-8 w-full flex-wrap items-center gap-x-2 px-3 py-1 text-left hover:bg-hover"
      >
        <Icon
          aria-hidden
          className={`size-4 shrink-0 ${red ? "text-danger-ink" : "text-ok-ink"}`}
        />
        <span dir="auto" className="min-w-0 font-medium break-words">
          {check.name}
        </span>
        <span className={red ? "text-sm text-danger-ink" : "text-sm text-muted"}>
          {text.state[check.state] ?? check.state}
        </span>
        {check.exit_code !== null && check.exit_code !== 0 && (
          <span className="text-sm text-muted">{text.exit(check.exit_code)}</span>
        )}
        <span className="ml-auto flex items-center gap-2 text-xs text-muted">
          {check.ms !== null && duration(check.ms)}
          {open ? (
            <ChevronDown aria-hidden className="size-4" />
          ) : (
            <ChevronRight aria-hidden className="size-4" />
          )}
          <span className="sr-only">{text.output}</span>
        </span>
      </button>
      {open && (
        <div id={id} className="px-3 pb-2">
          <CheckOutput run={run} check={check} />
        </div>
      )}
    </li>
  );
}

/** A run of several turns has run its checks several times: only what was printed last is meant. */
async function loadOutput(run: Run, step: string, signal: AbortSignal): Promise<string> {
  const ask = (kind: string, of?: string) =>
    api.get("/runs/{run}/events", {
      path: { run: run.id },
      query: { before: run.last_seq + 1, limit: EVENTS, kind, step: of },
      signal,
    });
  const [printed, started] = await Promise.all([ask("output", step), ask("step.started")]);
  return plainOutput(lastTurn(printed.items, started.items).map(outputText).join(""));
}

function CheckOutput({ run, check }: { run: Run; check: Evidence }) {
  const text = words.checks;
  const query = useQuery({
    queryKey: ["check-output", run.id, check.step, run.epoch],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: ({ signal }) => loadOutput(run, check.step, signal),
  });
  if (query.isPending) {
    return (
      <p className="flex items-center gap-2 text-sm text-muted">
        <Spinner label={null} />
        {text.loading}
      </p>
    );
  }
  if (query.isError) {
    return (
      <div className="flex flex-col items-start gap-2">
        <FormError problem={query.error} />
        <Button size="sm" onClick={() => void query.refetch()}>
          {words.empty.retry}
        </Button>
      </div>
    );
  }
  const output = query.data;
  const cut = output.length > OUTPUT_CHARS;
  return (
    <div className="flex flex-col gap-1">
      {output.trim() === "" ? (
        <p className="text-sm text-muted">{text.noOutput}</p>
      ) : (
        <CodeBlock wrap label={text.showOutput(check.name)} text={output.slice(-OUTPUT_CHARS)} />
      )}
      <p className="flex flex-wrap gap-x-2 text-xs text-muted">
        {cut && text.cut(OUTPUT_CHARS)}
        <Link to="/runs/$run" params={{ run: run.id }} search={{ step: check.step }}>
          {text.whole}
        </Link>
      </p>
    </div>
  );
}
