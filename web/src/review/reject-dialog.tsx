import { type FormEvent, type KeyboardEvent, useId, useState } from "react";
import { review as words } from "../strings/review";
import { Button, Dialog, Field, FormError, Textarea } from "../ui";
import { byteLength } from "./message";

/** The server's own bound. */
const REASON_BYTES = 16 * 1024;

export interface RejectDialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  busy: boolean;
  problem: unknown;
  onReject: (reason: string) => void;
}

export function RejectDialog({ open, onOpenChange, busy, problem, onReject }: RejectDialogProps) {
  const [reason, setReason] = useState("");
  const [tried, setTried] = useState(false);
  const form = useId();
  const text = words.reject;
  const error =
    reason.trim() === ""
      ? text.reasonMissing
      : byteLength(reason) > REASON_BYTES
        ? text.reasonLong
        : null;

  function submit(event: FormEvent) {
    event.preventDefault();
    setTried(true);
    if (error === null && !busy) onReject(reason.trim());
  }

  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title={text.title}
      description={text.body}
      footer={
        <>
          <Button onClick={() => onOpenChange(false)}>{words.comment.cancel}</Button>
          <Button variant="danger" type="submit" form={form} busy={busy}>
            {text.confirm}
          </Button>
        </>
      }
    >
      <form id={form} noValidate onSubmit={submit} className="flex flex-col gap-3">
        <Field label={text.reason} hint={text.reasonHint} error={tried ? error : null} required>
          <Textarea
            value={reason}
            onChange={(event) => setReason(event.target.value)}
            onKeyDown={(event: KeyboardEvent) => {
              if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit(event);
            }}
          />
        </Field>
        <FormError problem={problem} />
      </form>
    </Dialog>
  );
}
