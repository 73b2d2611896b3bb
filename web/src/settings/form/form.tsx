import { createContext, type ReactNode, useContext } from "react";
import { toProblem } from "../../api/problem";
import { upperFirst } from "../../lib/text";
import { settings } from "../../strings/settings";
import { Button, Callout, cn, FormError } from "../../ui";
import type { FormState } from "./use-form";

interface FormProps<D> {
  form: FormState<D>;
  /** The sending button's words. */
  submit: string;
  /** What a field is called in the summary. */
  names: Partial<Record<keyof D, string>>;
  /** Said while it is under way. */
  status?: ReactNode;
  /** Beside the sending button. */
  actions?: ReactNode;
  /** Nothing to send as long as nothing was changed. */
  onlyChanged?: boolean;
  children: ReactNode;
}

/** Whether the form scrolls in a box of its own, whose lower edge the buttons keep to. */
export const FormInBox = createContext(false);

const BOXED =
  "[&_button]:scroll-mb-20 [&_input]:scroll-mb-20 [&_select]:scroll-mb-20 [&_textarea]:scroll-mb-20";

/** A form: Enter sends it, once; what is wrong stands at its field and together at the end. */
export function Form<D extends object>({
  form,
  submit,
  names,
  status,
  actions,
  onlyChanged = false,
  children,
}: FormProps<D>) {
  const boxed = useContext(FormInBox);
  const button = (
    <Button
      type="submit"
      variant="primary"
      busy={form.busy}
      disabled={onlyChanged && !form.dirty && !form.busy}
    >
      {submit}
    </Button>
  );
  const said = (
    <div role="status" className="min-w-0 flex-1 basis-40 text-muted text-sm empty:sr-only">
      {form.busy ? status : onlyChanged && form.dirty ? settings.unsaved : null}
    </div>
  );
  return (
    <form noValidate onSubmit={form.submit} className={cn("flex flex-col gap-4", boxed && BOXED)}>
      {children}
      {form.summary.length > 0 && (
        <div role="alert">
          <Callout tone="danger" title={settings.faultsTitle}>
            <ul className="list-disc pl-4">
              {form.summary.map(({ field, text }) => (
                <li key={String(field)}>
                  {names[field] === undefined ? text : `${names[field]}: ${text}`}
                </li>
              ))}
            </ul>
          </Callout>
        </div>
      )}
      {form.problemField === null && <FormError problem={form.problem} />}
      {boxed ? (
        // As in every dialog: what sends it stands at the end.
        <div className="sticky -bottom-2 -mx-4 -mb-2 flex rounded-b-lg flex-wrap items-center justify-end gap-2 border-line border-t bg-raised px-4 py-3">
          {said}
          {actions}
          {button}
        </div>
      ) : (
        <div className="flex flex-wrap items-center gap-2">
          {button}
          {actions}
          {said}
        </div>
      )}
    </form>
  );
}

/** What stands at a field: its own fault, else what the server said about it. */
export function errorAt<D>(form: FormState<D>, field: keyof D): ReactNode {
  const fault = form.fault(field);
  if (fault !== undefined) return fault;
  return form.problemField === field ? <Refusal problem={form.problem} /> : undefined;
}

function Refusal({ problem }: { problem: unknown }) {
  const { title, detail, next } = toProblem(problem);
  return (
    <span role="alert">
      {asSentence(detail || title)} {isForTerminal(next) ? "" : asSentence(next)}
    </span>
  );
}

/** An option of the command line, and a command for what this page does, are no help at a field. */
function isForTerminal(next: string): boolean {
  return /`(--|freehold (provider|project|agent) )/.test(next);
}

/** The server's words are clauses. */
function asSentence(text: string): string {
  if (text === "") return "";
  const first = upperFirst(text);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
