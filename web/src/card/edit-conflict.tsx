import { useEffect, useRef } from "react";
import { card as say } from "../strings/card";
import { Button, Dialog } from "../ui";
import { clashes, type Edit, type Edition, type Field } from "./edit";
import type { EditState } from "./use-edit";

/** Both texts side by side, where two people changed one. */
export function EditConflict({
  state,
  edit,
  theirs,
}: {
  state: EditState;
  edit: Edit;
  theirs: Edition;
}) {
  const fields = clashes(edit, theirs);
  return (
    <Dialog
      open
      onOpenChange={(open) => open || state.closeCompare()}
      size="lg"
      title={say.conflict.title}
      description={say.conflict.body}
      footer={
        <>
          <Button onClick={() => state.resolve("theirs")}>{say.conflict.takeTheirs}</Button>
          <Button onClick={() => state.resolve("merge")}>{say.conflict.merge}</Button>
          <Button variant="primary" onClick={() => state.resolve("mine")}>
            {say.conflict.keepMine}
          </Button>
        </>
      }
    >
      {fields.map((field, index) => (
        <Pair
          key={field}
          field={field}
          mine={edit[field]}
          theirs={theirs[field]}
          first={index === 0}
        />
      ))}
    </Dialog>
  );
}

interface PairProps {
  field: Field;
  mine: string;
  theirs: string;
  first: boolean;
}

function Pair({ field, mine, theirs, first }: PairProps) {
  return (
    <section className="mb-4">
      <h3 className="mb-1 text-sm font-medium text-muted">{say[field]}</h3>
      <div className="grid gap-3 md:grid-cols-2">
        <Side label={say.conflict.mine} text={mine} first={first} />
        <Side label={say.conflict.theirs} text={theirs} first={false} />
      </div>
    </section>
  );
}

function Side({ label, text, first }: { label: string; text: string; first: boolean }) {
  const box = useRef<HTMLDivElement>(null);
  // What is to be compared has the focus, not the button that closes.
  useEffect(() => {
    if (!first) return;
    // The drawer below holds the focus until this dialog is wholly there.
    const timer = setTimeout(() => box.current?.focus(), 0);
    return () => clearTimeout(timer);
  }, [first]);
  return (
    <div className="min-w-0">
      <p className="mb-1 text-xs text-faint">{label}</p>
      <div
        ref={box}
        dir="auto"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a long text scrolls, and so must be reachable by key.
        tabIndex={0}
        className="max-h-80 overflow-y-auto rounded-md border border-line bg-canvas p-2 font-mono text-sm whitespace-pre-wrap"
      >
        {text === "" ? <span className="text-faint">{say.conflict.empty}</span> : text}
      </div>
    </div>
  );
}
