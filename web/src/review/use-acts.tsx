import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { isProblem } from "../api";
import type { Run } from "../api/types";
import { useShortcuts } from "../app/shortcuts";
import { hasEnded } from "../run/use-run";
import { review as words } from "../strings/review";
import { Callout, FormError, toast } from "../ui";
import { ApproveDialog } from "./approve-dialog";
import { type Decision, needsConfirm } from "./decision";
import { dropComment, NO_DRAFTS } from "./drafts";
import { RejectDialog } from "./reject-dialog";
import { ReplyDialog } from "./reply-dialog";
import { useDecide } from "./use-decide";
import type { KeptView } from "./use-kept";
import { useReviewKeys } from "./use-review-keys";

/** This page listens by itself: keys that are held repeat, and the lines keep their focus. */
const HELP = words.help.rows.map(([keys, label]) => ({ keys, label }));

type Which = "approve" | "reject" | "reply";

export interface ActsOptions {
  run: Run;
  seen: string | null;
  decision: Decision;
  kept: KeptView;
}

/** What a person does here: which dialog is open, what is under way, what went wrong. */
export function useActs({ run, seen, decision, kept }: ActsOptions) {
  const [which, setWhich] = useState<Which | null>(null);
  const [repliedAt, setRepliedAt] = useState<number | null>(null);
  const { approve, reject, reply } = useDecide(run);
  const navigate = useNavigate();
  const show = (one: Which) => (on: boolean) => setWhich(on ? one : null);

  function open(one: Which) {
    reject.reset();
    reply.reset();
    setWhich(one);
  }

  function askApprove() {
    if (decision.approve !== null || seen === null || approve.isPending) return;
    if (needsConfirm(decision.doubts)) open("approve");
    else approve.mutate(seen);
  }

  function send(text: string) {
    reply.mutate(text, {
      onSuccess: (now) => {
        kept.change((old) => ({ ...old, drafts: NO_DRAFTS }));
        setRepliedAt(run.epoch);
        setWhich(null);
        toast.show({ title: words.reply.sent, tone: "ok" });
        if (now.id !== run.id) void navigate({ to: "/runs/$run", params: { run: now.id } });
      },
    });
  }

  useReviewKeys((key) => {
    if (key === "mod+enter") {
      askApprove();
      return true;
    }
    if (key !== "r" || decision.reply !== null) return false;
    open("reply");
    return true;
  });

  useShortcuts(words.help.title, HELP);

  const dialogs: ReactNode = (
    <>
      <ApproveDialog
        run={run}
        commit={seen ?? ""}
        doubts={decision.doubts}
        open={which === "approve"}
        onOpenChange={show("approve")}
        // What goes wrong is said on the page, where the newer work can be shown.
        onConfirm={() => (seen === null ? null : approve.mutateAsync(seen).catch(() => null))}
      />
      <RejectDialog
        key={which === "reject" ? "open" : "closed"}
        open={which === "reject"}
        onOpenChange={show("reject")}
        busy={reject.isPending}
        problem={reject.error}
        onReject={(reason) => reject.mutate(reason, { onSuccess: () => setWhich(null) })}
      />
      <ReplyDialog
        open={which === "reply"}
        onOpenChange={show("reply")}
        drafts={kept.drafts}
        commit={seen ?? ""}
        ended={hasEnded(run.state)}
        volatile={kept.volatile}
        busy={reply.isPending}
        problem={reply.error}
        onGeneral={(general) =>
          kept.change((old) => ({ ...old, drafts: { ...old.drafts, general } }))
        }
        onDrop={(draft) =>
          kept.change((old) => ({ ...old, drafts: dropComment(old.drafts, draft.id) }))
        }
        onSend={send}
      />
    </>
  );

  const open_ = decision.phase === "decide";
  return {
    open,
    askApprove,
    /** What went wrong was about work that is not on the page any more. */
    forget: approve.reset,
    approving: approve.isPending,
    /** The reply of this page is what the agent works on. */
    replied: repliedAt !== null,
    remark: approve.error && open_ ? <NotApproved error={approve.error} /> : null,
    dialogs,
  };
}

function NotApproved({ error }: { error: unknown }) {
  const text = words.approve;
  if (!isProblem(error, "commit_mismatch")) return <FormError problem={error} />;
  return (
    <div role="alert">
      <Callout tone="danger" title={text.mismatch}>
        {text.mismatchBody}
      </Callout>
    </div>
  );
}
