import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { Ellipsis, Lock, Send } from "lucide-react";
import { type ReactNode, useState } from "react";
import { may, queries, type Webhook, type WebhookDelivery } from "../api";
import { ListSkeleton } from "../settings/list-skeleton";
import { SettingsFrame } from "../settings/settings-frame";
import { webhooks } from "../strings/webhooks";
import {
  Button,
  type Column,
  DataTable,
  EmptyState,
  ErrorState,
  FormError,
  IconButton,
  Link,
  Menu,
  Time,
} from "../ui";
import { webhookQueries } from "./calls";
import { DeliveryDialog } from "./delivery-dialog";
import { DeliveryState } from "./delivery-state";
import { shortAddress } from "./draft";
import { WebhookRemarks, WebhookState } from "./state";
import { useActs } from "./use-acts";

const words = webhooks.page;

/** One webhook: how it fares, and what it was told. */
export default function WebhookPage() {
  const { webhook: id } = useParams({ from: "/settings/webhooks/$webhook" });
  const navigate = useNavigate();
  const me = useQuery({ ...queries.me(), refetchOnMount: "always" });
  const sees = may(me.data, "webhook.read");
  const query = useQuery({ ...webhookQueries.one(id), enabled: sees });
  const acts = useActs({ onRemoved: () => void navigate({ to: "/settings/webhooks" }) });
  const webhook = query.data;
  const failed = me.data === undefined ? me : query;
  const able = may(me.data, "webhook.edit");
  const items = webhook === undefined ? [] : acts.items(webhook);
  return (
    <SettingsFrame
      title={webhook === undefined ? words.title : shortAddress(webhook.address)}
      breadcrumbs={[
        <Link key="all" to="/settings/webhooks" quiet>
          {webhooks.back}
        </Link>,
      ]}
      actions={
        able &&
        webhook !== undefined && (
          <Menu
            trigger={
              <IconButton label={webhooks.actions(shortAddress(webhook.address))}>
                <Ellipsis aria-hidden />
              </IconButton>
            }
            items={items}
          />
        )
      }
    >
      {me.data !== undefined && !sees ? (
        <EmptyState icon={<Lock />} title={webhooks.refused.title} body={webhooks.refused.body} />
      ) : webhook === undefined ? (
        failed.isError ? (
          <ErrorState problem={failed.error} retry={() => void failed.refetch()} />
        ) : (
          <ListSkeleton />
        )
      ) : (
        <div className="flex flex-col gap-6">
          <About webhook={webhook} />
          <Deliveries webhook={webhook} able={able} test={acts.test} />
        </div>
      )}
      {acts.dialogs}
    </SettingsFrame>
  );
}

function About({ webhook }: { webhook: Webhook }) {
  return (
    <div className="flex flex-col gap-3">
      <WebhookRemarks webhook={webhook} />
      <dl className="grid grid-cols-1 gap-x-6 gap-y-1.5 sm:grid-cols-[auto_1fr]">
        <Fact name={words.address}>
          <span className="break-all font-mono text-sm">{webhook.address}</span>
        </Fact>
        <Fact name={words.state}>
          <WebhookState webhook={webhook} />
        </Fact>
        <Fact name={words.events}>
          <span className="break-words font-mono text-sm">{webhook.events.join(", ")}</span>
        </Fact>
        <Fact name={words.since}>
          <Time at={webhook.created_at} />
        </Fact>
      </dl>
    </div>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-muted text-sm">{name}</dt>
      <dd className="min-w-0">{children}</dd>
    </>
  );
}

interface DeliveriesProps {
  webhook: Webhook;
  able: boolean;
  test: (webhook: Webhook) => void;
}

function Deliveries({ webhook, able, test }: DeliveriesProps) {
  const list = useInfiniteQuery(webhookQueries.deliveries(webhook.id));
  const [open, setOpen] = useState<string | null>(null);
  const deliveries = list.data?.pages.flatMap((page) => page.items) ?? [];
  const send = able && (
    <Button
      icon={<Send aria-hidden />}
      disabled={webhook.paused != null}
      title={webhook.paused == null ? undefined : webhooks.pausedHint}
      onClick={() => test(webhook)}
    >
      {webhooks.test}
    </Button>
  );
  return (
    <section aria-labelledby="deliveries" className="flex flex-col gap-3">
      <header className="flex flex-wrap items-center gap-2">
        <div className="min-w-0 flex-1 basis-60">
          <h2 id="deliveries" className="font-semibold text-lg">
            {words.title}
          </h2>
          <p className="max-w-prose text-muted">{words.lead}</p>
        </div>
        {deliveries.length > 0 && send}
      </header>
      {list.data === undefined ? (
        list.isError ? (
          <ErrorState problem={list.error} retry={() => void list.refetch()} />
        ) : (
          <ListSkeleton rows={5} />
        )
      ) : (
        <DataTable
          caption={words.title}
          rows={deliveries}
          rowKey={(one) => one.id}
          columns={columns(setOpen, webhook.paused != null)}
          empty={
            <EmptyState
              className="rounded-lg border border-line bg-surface py-6"
              title={words.empty.title}
              body={words.empty.body}
              action={send}
            />
          }
        />
      )}
      {list.isFetchNextPageError && <FormError problem={list.error} />}
      {list.hasNextPage && (
        <div className="flex justify-center">
          <Button busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            {words.more}
          </Button>
        </div>
      )}
      {open !== null && (
        <DeliveryDialog
          webhook={webhook}
          id={open}
          about={deliveries.find(({ id }) => id === open) ?? null}
          able={able}
          onClose={() => setOpen(null)}
        />
      )}
    </section>
  );
}

function columns(open: (id: string) => void, paused: boolean): Column<WebhookDelivery>[] {
  return [
    {
      key: "sequence",
      header: words.columns.sequence,
      align: "end",
      wide: true,
      className: "w-16 text-faint",
      cell: ({ sequence }) => sequence,
    },
    {
      key: "event",
      header: words.columns.event,
      cell: ({ id, event, sequence }) => (
        <button
          type="button"
          aria-label={words.open(event, sequence)}
          onClick={() => open(id)}
          className="break-all rounded-sm text-left font-mono text-ink text-sm hover:underline"
        >
          {event}
        </button>
      ),
    },
    {
      key: "state",
      header: words.columns.state,
      cell: (one) => <DeliveryState delivery={one} />,
    },
    {
      key: "tries",
      header: words.columns.tries,
      align: "end",
      cell: ({ tries }) => tries,
    },
    {
      key: "next",
      header: words.columns.next,
      wide: true,
      cell: (one) => <NextTry delivery={one} paused={paused} />,
    },
    {
      key: "at",
      header: words.columns.at,
      cell: ({ at }) => <Time at={at} className="text-muted" />,
    },
  ];
}

function NextTry({ delivery, paused }: { delivery: WebhookDelivery; paused: boolean }) {
  if (delivery.next_try_at != null) return <Time at={delivery.next_try_at} />;
  if (delivery.state !== "waiting") return <span className="text-faint">{words.noNext}</span>;
  return <span className="text-faint">{paused ? words.held : words.onItsWay}</span>;
}
