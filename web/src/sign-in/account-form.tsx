import { type ReactNode, useEffect, useRef, useState } from "react";
import { toProblem } from "../api/problem";
import type { FormState } from "../settings/form/use-form";
import { Button, FormError } from "../ui";
import { againAt } from "./account-faults";

interface AccountFormProps<D> {
  form: FormState<D>;
  submit: string;
  /** Beside the sending button. */
  actions?: ReactNode;
  children: ReactNode;
}

/** A form of one column: what the server said stands above it, where reading goes on. */
export function AccountForm<D extends object>({
  form,
  submit,
  actions,
  children,
}: AccountFormProps<D>) {
  return (
    <form noValidate onSubmit={form.submit} className="flex flex-col gap-4">
      <Refusal problem={form.problem} />
      <fieldset disabled={form.busy} className="flex min-w-0 flex-col gap-4">
        {children}
      </fieldset>
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <Button type="submit" variant="primary" busy={form.busy}>
          {submit}
        </Button>
        {actions}
      </div>
    </form>
  );
}

/** What the server said; the focus goes there, so that it is read out and Tab leads into the form. */
export function Refusal({ problem }: { problem: unknown }) {
  return problem === null || problem === undefined ? null : <Refused problem={problem} />;
}

function Refused({ problem }: { problem: unknown }) {
  const place = useRef<HTMLDivElement>(null);
  const [told] = useState(() => againAt(toProblem(problem).retry_after_s, Date.now()));
  useEffect(() => place.current?.focus(), []);
  return (
    <div ref={place} tabIndex={-1} data-focus-quiet className="flex flex-col gap-1">
      <FormError problem={problem} />
      {told !== null && <p className="text-muted text-sm">{told}</p>}
    </div>
  );
}
