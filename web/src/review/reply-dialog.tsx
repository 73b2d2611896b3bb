import { type KeyboardEvent, useState } from "react";
import { review as words } from "../strings/review";
import { Badge, Button, Callout, Dialog, Field, FormError, Markdown, Tabs, Textarea } from "../ui";
import { type Draft, type Drafts, GENERAL_CHARS_MAX, inOrder } from "./drafts";
import { byteLength, composeMessage } from "./message";
import { placeOf } from "./rows/comment-row";

/** A body of a request holds 2 MB; the rest is what JSON adds. */
const MESSAGE_BYTES = 1_500_000;

export interface ReplyDialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  drafts: Drafts;
  commit: string;
  ended: boolean;
  volatile: boolean;
  busy: boolean;
  problem: unknown;
  onGeneral: (text: string) => void;
  onDrop: (draft: Draft) => void;
  onSend: (text: string) => void;
}

/** All that is to be said, seen as it will be sent. */
export function ReplyDialog(props: ReplyDialogProps) {
  const { open, onOpenChange, drafts, commit, ended, busy, problem, onSend } = props;
  const [tab, setTab] = useState("write");
  const text = words.reply;
  const message = composeMessage(drafts, commit, {
    lines: (draft) => words.message.lines(draft.side, draft.from, draft.to),
    older: words.message.older,
  });
  const size = byteLength(message);
  const tooLong = size > MESSAGE_BYTES;
  const ready = message !== "" && !tooLong && !busy;
  const send = () => ready && onSend(message);

  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      size="lg"
      title={text.title}
      description={ended ? text.bodyEnded : text.body}
      footer={
        <>
          {tooLong && (
            <p className="mr-auto text-sm text-danger-ink">{text.tooLong(size, MESSAGE_BYTES)}</p>
          )}
          <Button onClick={() => onOpenChange(false)}>{words.comment.cancel}</Button>
          <Button variant="primary" busy={busy} disabled={message === "" || tooLong} onClick={send}>
            {text.send}
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-3">
        {props.volatile && <Callout tone="warn">{words.decide.volatile}</Callout>}
        <Tabs
          label={text.title}
          value={tab}
          onValueChange={setTab}
          items={[
            { value: "write", label: text.write, content: <Write {...props} onEnter={send} /> },
            {
              value: "preview",
              label: text.preview,
              content:
                message === "" ? (
                  <p className="text-muted">{text.empty}</p>
                ) : (
                  <div className="rounded-md border border-line bg-surface p-3">
                    <Markdown text={message} />
                  </div>
                ),
            },
          ]}
        />
        <FormError problem={problem} />
      </div>
    </Dialog>
  );
}

function Write({
  drafts,
  commit,
  onGeneral,
  onDrop,
  onEnter,
}: ReplyDialogProps & { onEnter: () => void }) {
  const text = words.reply;
  return (
    <div className="flex flex-col gap-3">
      <Field label={text.general}>
        <Textarea
          value={drafts.general}
          maxLength={GENERAL_CHARS_MAX}
          placeholder={text.generalPlaceholder}
          onChange={(event) => onGeneral(event.target.value)}
          onKeyDown={(event: KeyboardEvent) => {
            if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
            event.preventDefault();
            onEnter();
          }}
        />
      </Field>
      {drafts.comments.length === 0 ? (
        <p className="text-sm text-muted">{text.noComments}</p>
      ) : (
        <section aria-label={text.comments} className="flex flex-col gap-2">
          <h3 className="text-sm font-medium">{text.comments}</h3>
          <ul className="flex flex-col gap-2">
            {inOrder(drafts.comments).map((draft) => (
              <CommentItem key={draft.id} draft={draft} commit={commit} onDrop={onDrop} />
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

function CommentItem({
  draft,
  commit,
  onDrop,
}: {
  draft: Draft;
  commit: string;
  onDrop: (draft: Draft) => void;
}) {
  return (
    <li className="flex flex-col gap-1 rounded-md border border-line px-3 py-2">
      <p className="flex flex-wrap items-center gap-2 text-xs text-muted">
        <span className="font-mono break-all">{draft.path}</span>
        <span>{placeOf(draft)}</span>
        {draft.commit !== commit && <Badge tone="warn">{words.comment.older(draft.commit)}</Badge>}
        <Button size="sm" variant="ghost" className="ml-auto" onClick={() => onDrop(draft)}>
          {words.comment.remove}
        </Button>
      </p>
      <p dir="auto" className="break-words whitespace-pre-wrap">
        {draft.text}
      </p>
    </li>
  );
}
