import { useQuery, useQueryClient } from "@tanstack/react-query";
import { RotateCw } from "lucide-react";
import { useEffect, useState } from "react";
import type { Webhook, WebhookAttempt, WebhookDelivery, WebhookDeliveryShown } from "../api";
import { FormSkeleton } from "../settings/form/form-skeleton";
import { webhooks } from "../strings/webhooks";
import { Badge, Button, CodeBlock, Dialog, ErrorState, FormError, Time, toast } from "../ui";
import { replayDelivery, webhookKeys, webhookQueries } from "./calls";
import { DeliveryState } from "./delivery-state";

const words = webhooks.delivery;

interface DeliveryDialogProps {
  webhook: Webhook;
  id: string;
  /** As the list has it by now; null where it is not in it any more. */
  about: WebhookDelivery | null;
  able: boolean;
  onClose: () => void;
}

/** What is sent, and what came of each try. */
export function DeliveryDialog({ webhook, id, about, able, onClose }: DeliveryDialogProps) {
  const client = useQueryClient();
  const query = useQuery(webhookQueries.delivery(webhook.id, id));
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const shown = query.data;
  const { refetch } = query;
  const state = (about ?? shown?.about)?.state;
  // The list is asked for again and again; what it opens only when there is something new in it.
  const version = about === null ? "" : `${about.state} ${about.tries}`;
  const known = shown === undefined ? "" : `${shown.about.state} ${shown.about.tries}`;
  useEffect(() => {
    if (version !== "" && known !== "" && version !== known) void refetch();
  }, [version, known, refetch]);

  async function replay() {
    setBusy(true);
    setProblem(null);
    try {
      await replayDelivery(webhook.id, id);
      toast.show({ title: words.replayed, tone: "ok" });
      void client.invalidateQueries({ queryKey: webhookKeys.all });
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Dialog
      open
      size="lg"
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      title={words.title((about ?? shown?.about)?.event ?? "…")}
      footer={
        able &&
        state !== "waiting" && (
          <Button
            icon={<RotateCw aria-hidden />}
            busy={busy}
            disabled={webhook.paused != null}
            title={webhook.paused == null ? undefined : webhooks.pausedHint}
            onClick={() => void replay()}
          >
            {words.replay}
          </Button>
        )
      }
    >
      <FormError problem={problem} />
      {shown === undefined ? (
        query.isError ? (
          <ErrorState problem={query.error} retry={() => void query.refetch()} />
        ) : (
          <FormSkeleton fields={3} />
        )
      ) : (
        <Shown shown={shown} />
      )}
    </Dialog>
  );
}

function Shown({ shown }: { shown: WebhookDeliveryShown }) {
  const { about, body, attempts } = shown;
  const newest = [...attempts].reverse();
  return (
    <div className="flex flex-col gap-4">
      <dl className="grid grid-cols-1 gap-x-6 gap-y-1.5 sm:grid-cols-[auto_1fr]">
        <dt className="text-muted text-sm">{webhooks.page.columns.state}</dt>
        <dd>
          <DeliveryState delivery={about} />
        </dd>
        <dt className="text-muted text-sm">{words.id}</dt>
        <dd className="min-w-0">
          <span className="block break-all font-mono text-sm">{about.id}</span>
          <span className="text-faint text-xs">{words.idHint}</span>
        </dd>
        {about.next_try_at != null && (
          <>
            <dt className="text-muted text-sm">{words.next}</dt>
            <dd>
              <Time at={about.next_try_at} />
            </dd>
          </>
        )}
        {about.done_at != null && (
          <>
            <dt className="text-muted text-sm">{words.done}</dt>
            <dd>
              <Time at={about.done_at} />
            </dd>
          </>
        )}
      </dl>
      <section className="flex flex-col gap-2">
        <h3 className="font-medium text-ink">{words.attempts}</h3>
        {newest.length === 0 ? (
          <p className="text-muted">{words.noAttempts}</p>
        ) : (
          <ol className="flex flex-col gap-3">
            {newest.map((attempt) => (
              <li key={attempt.n}>
                <Attempt attempt={attempt} />
              </li>
            ))}
          </ol>
        )}
      </section>
      <section className="flex flex-col gap-2">
        <h3 className="font-medium text-ink">{words.body}</h3>
        <CodeBlock text={JSON.stringify(body, null, 2)} label={words.body} />
      </section>
    </div>
  );
}

function Attempt({ attempt }: { attempt: WebhookAttempt }) {
  const { n, at, took_ms, outcome, status, answer } = attempt;
  return (
    <div className="flex flex-col gap-1">
      <p className="flex flex-wrap items-center gap-2">
        <span className="font-medium">{words.try(n)}</span>
        <Badge tone={outcome === "delivered" ? "ok" : "warn"}>
          {status == null ? outcome : words.status(status)}
        </Badge>
        <span className="text-muted text-sm">
          <Time at={at} /> {words.took(took_ms)}
        </span>
      </p>
      <p className="text-muted">{words.outcomes[outcome] ?? outcome}.</p>
      {answer != null && answer !== "" && (
        <CodeBlock wrap text={answer} label={words.answer(n)} className="text-sm" />
      )}
    </div>
  );
}
