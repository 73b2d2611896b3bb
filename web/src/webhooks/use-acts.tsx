import { useQueryClient } from "@tanstack/react-query";
import { KeyRound, Pause, Pencil, Play, Send, Trash2 } from "lucide-react";
import { type ReactNode, useState } from "react";
import { toProblem, type Webhook, type WebhookMade } from "../api";
import { ShownOnce } from "../settings/shown-once";
import { webhooks as words } from "../strings/webhooks";
import { ConfirmDialog, type MenuItem, toast } from "../ui";
import { editWebhook, removeWebhook, rotateWebhook, testWebhook, webhookKeys } from "./calls";
import { WebhookDialog } from "./webhook-form";

type Open =
  | { what: "add" }
  | { what: "edit" | "rotate" | "remove"; webhook: Webhook }
  | { what: "made" | "rotated"; made: WebhookMade }
  | null;

export interface WebhookActs {
  add: () => void;
  items: (webhook: Webhook) => MenuItem[];
  /** Sends something to try it with. */
  test: (webhook: Webhook) => void;
  /** What is open; stands once on the page. */
  dialogs: ReactNode;
}

/** What can be done with webhooks, by whoever may. */
export function useActs({ onRemoved }: { onRemoved?: () => void } = {}): WebhookActs {
  const client = useQueryClient();
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  const look = () => void client.invalidateQueries({ queryKey: webhookKeys.all });

  async function act(run: () => Promise<unknown>, done: string, failed: string) {
    try {
      await run();
      toast.show({ title: done, tone: "ok" });
    } catch (error) {
      const { detail, title } = toProblem(error);
      toast.show({ title: failed, body: detail || title, tone: "danger" });
    }
    look();
  }

  const test = (webhook: Webhook) =>
    void act(() => testWebhook(webhook.id), words.tested, words.failed.test);

  const items = (webhook: Webhook): MenuItem[] => [
    {
      label: words.edit,
      icon: <Pencil aria-hidden />,
      onSelect: () => setOpen({ what: "edit", webhook }),
    },
    {
      label: words.test,
      icon: <Send aria-hidden />,
      hint: webhook.paused == null ? undefined : words.pausedHint,
      disabled: webhook.paused != null,
      onSelect: () => test(webhook),
    },
    webhook.paused == null
      ? {
          label: words.pause,
          icon: <Pause aria-hidden />,
          onSelect: () =>
            void act(
              () => editWebhook(webhook.id, { paused: true }),
              words.paused,
              words.failed.pause,
            ),
        }
      : {
          label: words.resume,
          icon: <Play aria-hidden />,
          onSelect: () =>
            void act(
              () => editWebhook(webhook.id, { paused: false }),
              words.resumed,
              words.failed.resume,
            ),
        },
    {
      label: words.rotate,
      icon: <KeyRound aria-hidden />,
      onSelect: () => setOpen({ what: "rotate", webhook }),
    },
    {
      label: words.remove,
      icon: <Trash2 aria-hidden />,
      danger: true,
      onSelect: () => setOpen({ what: "remove", webhook }),
    },
  ];

  const asked = (ask: { webhook: Webhook }, what: "rotate" | "remove") => (
    <ConfirmDialog
      open
      onOpenChange={(still) => {
        // A secret that was just made stays open.
        if (!still) setOpen((now) => (now?.what === what ? null : now));
      }}
      title={what === "rotate" ? words.rotateDialog.title : words.removeDialog.title}
      body={what === "rotate" ? words.rotateDialog.body : <WhatGoes webhook={ask.webhook} />}
      confirm={what === "rotate" ? words.rotateDialog.confirm : words.removeDialog.confirm}
      danger={what === "remove"}
      onConfirm={async () => {
        if (what === "rotate") {
          setOpen({ what: "rotated", made: await rotateWebhook(ask.webhook.id) });
        } else {
          await removeWebhook(ask.webhook.id);
          toast.show({ title: words.removeDialog.done, tone: "ok" });
          onRemoved?.();
        }
        look();
      }}
    />
  );

  let dialogs: ReactNode = null;
  if (open?.what === "add" || open?.what === "edit") {
    dialogs = (
      <WebhookDialog
        webhook={open.what === "edit" ? open.webhook : null}
        onMade={(made) => setOpen({ what: "made", made })}
        onClose={close}
      />
    );
  } else if (open?.what === "rotate" || open?.what === "remove") {
    dialogs = asked(open, open.what);
  } else if (open?.what === "made" || open?.what === "rotated") {
    const anew = open.what === "rotated";
    dialogs = (
      <ShownOnce
        title={anew ? words.made.rotated : words.made.title}
        secret={open.made.secret}
        words={words.made}
        more={anew ? words.made.overlap : undefined}
        onClose={close}
      />
    );
  }
  return { add: () => setOpen({ what: "add" }), items, test, dialogs };
}

function WhatGoes({ webhook }: { webhook: Webhook }) {
  const text = words.removeDialog;
  return (
    <div className="flex flex-col gap-2">
      <p className="break-all font-mono text-sm">{webhook.address}</p>
      <ul className="list-disc pl-4">
        <li>{text.body}</li>
        {webhook.waiting > 0 && <li>{text.waiting(webhook.waiting)}</li>}
        <li>{text.forget}</li>
      </ul>
    </div>
  );
}
