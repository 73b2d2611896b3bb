import { useState } from "react";
import { Button, CodeBlock, ConfirmDialog, CopyButton, Dialog } from "../ui";

interface ShownOnceProps {
  title: string;
  /** The secret itself. It is kept in this dialog alone. */
  secret: string;
  words: {
    body: string;
    label: string;
    copy: string;
    use: string;
    done: string;
    askTitle: string;
    askBody: string;
    askConfirm: string;
    askKeep: string;
  };
  /** A line more. */
  more?: string;
  onClose: () => void;
}

/** The one time that a secret is shown: closing without a copy is asked about. */
export function ShownOnce({ title, secret, words, more, onClose }: ShownOnceProps) {
  const [asking, setAsking] = useState(false);
  return (
    <>
      <Dialog
        open
        size="lg"
        title={title}
        description={words.body}
        onOpenChange={(open) => {
          if (!open) setAsking(true);
        }}
        footer={
          <>
            <CopyButton words size="md" label={words.copy} text={secret} />
            <Button variant="primary" onClick={onClose}>
              {words.done}
            </Button>
          </>
        }
      >
        <CodeBlock wrap bare text={secret} label={words.label} />
        <p className="pt-2 text-muted text-sm">{words.use}</p>
        {more !== undefined && <p className="pt-2 text-muted text-sm">{more}</p>}
      </Dialog>
      <ConfirmDialog
        open={asking}
        onOpenChange={setAsking}
        title={words.askTitle}
        body={words.askBody}
        confirm={words.askConfirm}
        keep={words.askKeep}
        danger
        onConfirm={onClose}
      />
    </>
  );
}
