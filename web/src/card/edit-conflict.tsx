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
      {fields.map((field) => (
        <Pair key={field} field={field} mine={edit[field]} theirs={theirs[field]} />
      ))}
    </Dialog>
  );
}

function Pair({ field, mine, theirs }: { field: Field; mine: string; theirs: string }) {
  return (
    <section className="mb-4">
      <h3 className="mb-1 text-sm font-medium text-muted">{say[field]}</h3>
      <div className="grid gap-3 md:grid-cols-2">
        <Side label={say.conflict.mine} text={mine} />
        <Side label={say.conflict.theirs} text={theirs} />
      </div>
    </section>
  );
}

function Side({ label, text }: { label: string; text: string }) {
  return (
    <div className="min-w-0">
      <p className="mb-1 text-xs text-faint">{label}</p>
      <div
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
