import { type ReactNode, useCallback, useRef, useState } from "react";
import { settings } from "../../strings/settings";
import { ConfirmDialog, Dialog, type DialogProps } from "../../ui";
import { FormInBox } from "./form";
import { Unsaved } from "./unsaved";

interface FormDialogProps extends Pick<DialogProps, "title" | "description" | "size"> {
  onClose: () => void;
  /** Gets `changed`, to say whether something would be lost. */
  children: (changed: (dirty: boolean) => void) => ReactNode;
}

/** A form over the page. Escape and a press beside it do not throw away what was typed. */
export function FormDialog({ onClose, children, ...dialog }: FormDialogProps) {
  const dirty = useRef(false);
  const [asking, setAsking] = useState(false);
  const changed = useCallback((now: boolean) => {
    dirty.current = now;
  }, []);
  return (
    <>
      <Dialog
        {...dialog}
        open
        onOpenChange={(open) => {
          if (open) return;
          if (dirty.current) setAsking(true);
          else onClose();
        }}
      >
        <FormInBox value={true}>{children(changed)}</FormInBox>
      </Dialog>
      <Unsaved dirty={() => dirty.current} />
      <ConfirmDialog
        open={asking}
        onOpenChange={setAsking}
        title={settings.unsavedTitle}
        body={settings.unsavedBody}
        confirm={settings.discard}
        keep={settings.keepEditing}
        danger
        onConfirm={onClose}
      />
    </>
  );
}
