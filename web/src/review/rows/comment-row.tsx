import { MessageSquare } from "lucide-react";
import { type KeyboardEvent, useState } from "react";
import { review } from "../../strings/review";
import { Badge, Button, Field, Markdown, Textarea } from "../../ui";
import { anchorOf } from "../anchor";
import type { FileDiff } from "../diff/types";
import { useDiffContext } from "../diff-context";
import { COMMENT_CHARS_MAX, type Draft } from "../drafts";
import type { Editing } from "../use-diff-view";
import { Cell } from "./cell";

/** What was written below a line, and what is being written there. */
export function CommentRow({ file, line }: { file: FileDiff; line: number }) {
  const { view } = useDiffContext();
  const drafts = view.placed.get(file.index)?.get(line) ?? [];
  const { editing } = view;
  const here = editing?.selection.file === file && editing.selection.last === line ? editing : null;
  return (
    <Cell className="flex w-full flex-col gap-2 border-line border-y bg-canvas p-2 font-sans">
      {drafts.map((draft) =>
        editing?.id === draft.id ? null : (
          <Shown key={draft.id} file={file} line={line} draft={draft} />
        ),
      )}
      {here && <Editor key={here.id} editing={here} />}
    </Cell>
  );
}

export function placeOf(draft: Pick<Draft, "side" | "from" | "to">): string {
  return review.comment.lines(draft.side, draft.from, draft.to);
}

function Shown({ file, line, draft }: { file: FileDiff; line: number; draft: Draft }) {
  const { view, dropComment } = useDiffContext();
  const words = review.comment;
  return (
    <article
      aria-label={words.label(placeOf(draft))}
      className="max-w-3xl rounded-md border border-line bg-surface px-3 py-2"
    >
      <header className="mb-1 flex flex-wrap items-center gap-2 text-xs text-muted">
        <MessageSquare aria-hidden className="size-3.5" />
        <span>{`${words.by}, ${placeOf(draft)}`}</span>
        <Badge tone="accent">{words.draft}</Badge>
        <span className="ml-auto flex gap-1">
          <Button
            size="sm"
            variant="ghost"
            onClick={() =>
              view.setEditing({ id: draft.id, selection: { file, first: line, last: line }, draft })
            }
          >
            {words.edit}
          </Button>
          <Button size="sm" variant="ghost" onClick={() => dropComment(draft)}>
            {words.remove}
          </Button>
        </span>
      </header>
      <Markdown text={draft.text} />
    </article>
  );
}

function Editor({ editing }: { editing: Editing }) {
  const { diff, commit, view, putComment } = useDiffContext();
  const [text, setText] = useState(editing.draft?.text ?? "");
  const [full, setFull] = useState(false);
  const words = review.comment;
  const anchor = editing.draft ?? anchorOf(diff, editing.selection, commit);
  const { id } = editing;

  /** Kept at every keystroke: a reload in the middle of a sentence loses nothing. */
  function write(next: string) {
    setText(next);
    setFull(!putComment({ ...anchor, id, text: next }));
  }
  const close = () => view.setEditing(null);

  function keys(event: KeyboardEvent) {
    if (event.key === "Escape") {
      event.preventDefault();
      close();
    }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      event.stopPropagation();
      close();
    }
  }

  function cancel() {
    putComment({ ...anchor, id, text: editing.draft?.text ?? "" });
    close();
  }

  return (
    <div className="flex max-w-3xl flex-col gap-2">
      <Field label={words.label(placeOf(anchor))}>
        <Textarea
          // The person has just asked to write here.
          autoFocus
          value={text}
          maxLength={COMMENT_CHARS_MAX}
          placeholder={words.placeholder}
          onChange={(event) => write(event.target.value)}
          onKeyDown={keys}
        />
      </Field>
      {full && <p className="text-sm text-danger-ink">{words.tooMany}</p>}
      <div className="flex gap-2">
        <Button size="sm" variant="primary" disabled={text.trim() === ""} onClick={close}>
          {words.save}
        </Button>
        <Button size="sm" onClick={cancel}>
          {words.cancel}
        </Button>
      </div>
    </div>
  );
}
