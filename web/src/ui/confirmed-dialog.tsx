import { useEffect, useState } from "react";
import { type Act, Confirmation, type Confirmed } from "../api/confirm";
import { upperFirst } from "../lib/text";
import { ui } from "../strings/ui";
import { Callout } from "./callout";
import { ConfirmDialog, type ConfirmDialogProps } from "./confirm-dialog";
import { FormError } from "./problem";
import { Skeleton } from "./skeleton";

export interface ConfirmedDialogProps
  extends Omit<ConfirmDialogProps, "open" | "onOpenChange" | "danger" | "onConfirm" | "ready"> {
  /** What is done; it is the same as long as the dialog is there. */
  what: Confirmed;
  act: Act;
  /** It is done. */
  onDone: () => void;
  onClose: () => void;
}

/**
 * Asks about what cannot be taken back, with the server's own description of it: the yes is for that, and for
 * nothing that it became since.
 */
export function ConfirmedDialog({
  what,
  act,
  body,
  onDone,
  onClose,
  ...rest
}: ConfirmedDialogProps) {
  const [confirmation] = useState(() => new Confirmation(what, act));
  // Undefined while it is asked.
  const [said, setSaid] = useState<string | null | undefined>(undefined);
  const [problem, setProblem] = useState<unknown>(null);
  useEffect(() => {
    let gone = false;
    confirmation
      .ask()
      .then((text) => gone || setSaid(text))
      .catch((error: unknown) => {
        if (gone) return;
        setProblem(error);
        setSaid(null);
      });
    return () => {
      gone = true;
    };
  }, [confirmation]);
  return (
    <ConfirmDialog
      {...rest}
      open
      danger
      ready={said !== undefined}
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      body={
        <div className="flex flex-col gap-3">
          {body}
          {said === undefined ? (
            <Skeleton className="h-12 w-full" />
          ) : (
            said !== null && (
              <Callout tone="warn" title={ui.confirmed.says}>
                <p className="break-words">{`${upperFirst(said)}.`}</p>
              </Callout>
            )
          )}
          <FormError problem={problem} />
        </div>
      }
      onConfirm={async () => {
        setProblem(null);
        try {
          await confirmation.go();
        } catch (error) {
          setSaid(await confirmation.ask().catch(() => null));
          throw error;
        }
        onDone();
      }}
    />
  );
}
