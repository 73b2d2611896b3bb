import { CircleAlert, RotateCw } from "lucide-react";
import { toProblem } from "../api/problem";
import { upperFirst } from "../lib/text";
import { ui } from "../strings/ui";
import { Button } from "./button";
import { Callout } from "./callout";

/** Anything thrown: a problem document, no answer, a mistake of the page. */
type Thrown = unknown;

/** What the server said about a form that it did not take. Nothing when there is nothing. */
export function FormError({ problem }: { problem: Thrown }) {
  if (problem === null || problem === undefined) return null;
  const { title, detail, next } = toProblem(problem);
  return (
    <div role="alert">
      <Callout tone="danger" title={sentence(detail || title, "")}>
        {next && <p>{sentence(next)}</p>}
      </Callout>
    </div>
  );
}

/** In place of a view that could not be loaded. */
export function ErrorState({ problem, retry }: { problem: Thrown; retry?: () => void }) {
  const { title, detail, next, code, correlation } = toProblem(problem);
  return (
    <div role="alert" className="flex flex-col items-center gap-2 px-4 py-12 text-center">
      <CircleAlert aria-hidden className="size-6 text-danger-ink" />
      <h2 className="text-lg font-semibold text-ink">{sentence(title, "")}</h2>
      {detail && <p className="max-w-prose text-muted">{sentence(detail)}</p>}
      {next && <p className="max-w-prose text-muted">{sentence(next)}</p>}
      {retry !== undefined && (
        <Button className="mt-2" icon={<RotateCw aria-hidden />} onClick={retry}>
          {ui.retry}
        </Button>
      )}
      <p className="mt-2 text-xs text-faint">
        {ui.problemCode(code)}
        {correlation ? ` · ${ui.correlation(correlation)}` : ""}
      </p>
    </div>
  );
}

/** The server's messages are clauses; here they stand alone. */
function sentence(text: string, end = "."): string {
  const first = upperFirst(text);
  return /[.!?:]$/.test(first) ? first : first + end;
}
