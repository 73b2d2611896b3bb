import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Eye, MessageSquareReply, RotateCw, Square } from "lucide-react";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { useMay } from "../api";
import { api } from "../api/client";
import { keys } from "../api/queries";
import type { Run } from "../api/types";
import { run as words } from "../strings/run";
import {
  Button,
  ButtonLink,
  ConfirmDialog,
  CopyButton,
  Dialog,
  Field,
  FormError,
  Textarea,
  toast,
} from "../ui";
import { mayCancel } from "./may-cancel";
import { hasEnded } from "./use-run";
import { useWide } from "./use-wide";

/** Longest reply; the server's bound on a body leaves room. */
const REPLY_MAX = 100_000;

/** A key for a wish: the same for each try of it, another for the next wish. */
function useWish(): { key: () => string; done: () => void } {
  const key = useRef<string | null>(null);
  return {
    key: () => {
      key.current ??= crypto.getRandomValues(new Uint32Array(4)).join("-");
      return key.current;
    },
    done: () => {
      key.current = null;
    },
  };
}

/** What a person can do with the run now. */
export function Actions({ run, stopping }: { run: Run; stopping: boolean }) {
  const ended = hasEnded(run.state);
  const waiting = run.state === "waiting";
  const wide = useWide();
  const may = useMay();
  const replies = waiting || run.state === "failed" || run.state === "rejected";
  const reviewable = waiting || run.commit !== null;
  return (
    <>
      {reviewable && (
        <ButtonLink
          to="/runs/$run/review"
          params={{ run: run.id }}
          variant={waiting ? "primary" : "secondary"}
          icon={<Eye aria-hidden />}
        >
          {words.actions.review}
        </ButtonLink>
      )}
      {replies && may("run.reply") && <Reply run={run} />}
      {ended && may("run.start") && <Again run={run} />}
      {mayCancel(run) && may("run.cancel") && <Cancel run={run} stopping={stopping} />}
      <CopyButton
        words={wide}
        size="md"
        text={`freehold run events ${run.id}${ended ? "" : " --follow"}`}
        label={wide ? words.actions.cliLabel : words.actions.cli}
      />
    </>
  );
}

function Cancel({ run, stopping }: { run: Run; stopping: boolean }) {
  const [open, setOpen] = useState(false);
  const finished = run.state === "waiting";
  const wasFinished = useRef(finished);
  useEffect(() => {
    // What one was about to stop has become work to decide on: that is another question.
    if (open && finished && !wasFinished.current) {
      setOpen(false);
      toast.show({ title: words.actions.finishedMeanwhile });
    }
    wasFinished.current = finished;
  }, [open, finished]);
  const client = useQueryClient();
  const { cancelBody } = words.actions;
  const body =
    run.state === "queued"
      ? cancelBody.queued
      : run.state === "waiting" || run.state === "landing"
        ? cancelBody.waiting
        : cancelBody.working;
  const cancel = async () => {
    const changed = await api.post("/runs/{run}/cancel", { path: { run: run.id } });
    client.setQueryData(keys.run(run.id), changed);
    toast.show({ title: words.actions.cancelled });
  };
  return (
    <>
      <Button icon={<Square aria-hidden />} busy={stopping} onClick={() => setOpen(true)}>
        {stopping ? words.actions.stopping : words.actions.cancel}
      </Button>
      <ConfirmDialog
        open={open}
        onOpenChange={setOpen}
        title={words.actions.cancelTitle}
        body={body}
        confirm={words.actions.cancelConfirm}
        keep={words.actions.cancelKeep}
        danger
        onConfirm={cancel}
      />
    </>
  );
}

function Again({ run }: { run: Run }) {
  const [open, setOpen] = useState(false);
  const wish = useWish();
  const navigate = useNavigate();
  const start = async () => {
    const input = {
      path: { card: run.card },
      body: { agent: run.agent },
      idempotencyKey: wish.key(),
    };
    const begun = await api.post("/cards/{card}/runs", input);
    wish.done();
    await navigate({ to: "/runs/$run", params: { run: begun.id } });
  };
  return (
    <>
      <Button icon={<RotateCw aria-hidden />} onClick={() => setOpen(true)}>
        {words.actions.again}
      </Button>
      <ConfirmDialog
        open={open}
        onOpenChange={setOpen}
        title={words.actions.againTitle}
        body={words.actions.againBody(run.agent)}
        confirm={words.actions.againConfirm}
        onConfirm={start}
      />
    </>
  );
}

function Reply({ run }: { run: Run }) {
  const [open, setOpen] = useState(false);
  const [text, setText] = useState("");
  const wish = useWish();
  const client = useQueryClient();
  const navigate = useNavigate();
  const send = useMutation({
    mutationFn: () =>
      api.post("/runs/{run}/reply", {
        path: { run: run.id },
        body: { text: text.trim() },
        idempotencyKey: wish.key(),
      }),
    onSuccess: async (answer) => {
      wish.done();
      setOpen(false);
      setText("");
      const same = answer.id === run.id;
      toast.show({
        title: same ? words.actions.replied : words.actions.repliedAnew,
        tone: "ok",
      });
      client.setQueryData(keys.run(answer.id), answer);
      if (!same) await navigate({ to: "/runs/$run", params: { run: answer.id } });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim() !== "" && !send.isPending) send.mutate();
  };
  return (
    <>
      <Button icon={<MessageSquareReply aria-hidden />} onClick={() => setOpen(true)}>
        {words.actions.reply}
      </Button>
      <Dialog open={open} onOpenChange={setOpen} title={words.actions.replyTitle}>
        <form onSubmit={submit} className="flex flex-col gap-3">
          <Field
            label={words.actions.replyLabel}
            hint={
              run.state === "waiting"
                ? words.actions.replyHintWaiting
                : words.actions.replyHintEnded
            }
          >
            <Textarea
              value={text}
              maxLength={REPLY_MAX}
              rows={5}
              onChange={(event) => setText(event.target.value)}
            />
          </Field>
          <FormError problem={send.error} />
          <div className="flex justify-end">
            <Button
              type="submit"
              variant="primary"
              busy={send.isPending}
              disabled={text.trim() === ""}
            >
              {words.actions.replySend}
            </Button>
          </div>
        </form>
      </Dialog>
    </>
  );
}
