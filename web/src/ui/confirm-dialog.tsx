import { AlertDialog as Radix } from "radix-ui";
import { type FormEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { ui } from "../strings/ui";
import { Button } from "./button";
import { Field } from "./field";
import { Input } from "./input";
import { FormError } from "./problem";
import { useReturnFocus } from "./return-focus";

export interface ConfirmDialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: ReactNode;
  body?: ReactNode;
  /** The button's words: what will happen, not "OK". */
  confirm: string;
  /** The other button's words, where "Cancel" could be read as the deed. */
  keep?: string;
  danger?: boolean;
  /** A word to type first, for what cannot be undone. */
  typed?: string;
  /** Whether all is there that a person should read before they say yes. */
  ready?: boolean;
  /** A promise keeps the dialog open until it is settled; a failure is shown in it. */
  onConfirm: () => unknown;
}

export function ConfirmDialog({
  open,
  onOpenChange,
  title,
  body,
  confirm,
  keep = ui.cancel,
  danger = false,
  typed,
  ready: isRead = true,
  onConfirm,
}: ConfirmDialogProps) {
  const [word, setWord] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  useEffect(() => {
    if (!open) return;
    setWord("");
    setBusy(false);
    setProblem(null);
  }, [open]);
  const field = useRef<HTMLInputElement>(null);
  const giveBack = useReturnFocus(open);
  const ready = isRead && (typed === undefined || word.trim() === typed);

  async function submit(event: FormEvent) {
    event.preventDefault();
    if (!ready || busy) return;
    setBusy(true);
    setProblem(null);
    try {
      await onConfirm();
      onOpenChange(false);
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-scrim" />
        <Radix.Content
          {...giveBack}
          onOpenAutoFocus={(event) => {
            // Otherwise the focus starts at the harmless button.
            if (field.current === null) return;
            event.preventDefault();
            field.current.focus();
          }}
          {...(body === undefined ? { "aria-describedby": undefined } : {})}
          className="fixed inset-x-2 top-[16vh] z-50 mx-auto max-h-[80vh] max-w-md animate-rise overflow-y-auto rounded-lg border border-line bg-raised p-4 shadow-floating"
        >
          <form onSubmit={submit} className="flex flex-col gap-3">
            <Radix.Title className="text-lg font-semibold text-ink">{title}</Radix.Title>
            {body !== undefined && (
              <Radix.Description asChild>
                <div className="text-muted">{body}</div>
              </Radix.Description>
            )}
            {typed !== undefined && (
              <Field label={ui.typeToConfirm(typed)}>
                <Input ref={field} value={word} onChange={(event) => setWord(event.target.value)} />
              </Field>
            )}
            <FormError problem={problem} />
            <div className="flex flex-wrap justify-end gap-2 pt-1">
              <Radix.Cancel asChild>
                <Button>{keep}</Button>
              </Radix.Cancel>
              <Button
                type="submit"
                variant={danger ? "danger" : "primary"}
                busy={busy}
                disabled={!ready}
              >
                {confirm}
              </Button>
            </div>
          </form>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
