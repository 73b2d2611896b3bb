import { useQuery } from "@tanstack/react-query";
import { Ellipsis, Lock, Plus, Webhook as WebhookIcon } from "lucide-react";
import { may, queries, type Webhook } from "../api";
import { ListSkeleton } from "../settings/list-skeleton";
import { SettingsFrame } from "../settings/settings-frame";
import { webhooks as words } from "../strings/webhooks";
import {
  Button,
  type Column,
  DataTable,
  EmptyState,
  ErrorState,
  IconButton,
  Link,
  Menu,
} from "../ui";
import { webhookQueries } from "./calls";
import { EVENTS, shortAddress } from "./draft";
import { WebhookState } from "./state";
import { useActs, type WebhookActs } from "./use-acts";

/** The server's own bound. */
const MOST = 20;

export default function WebhooksPage() {
  const me = useQuery({ ...queries.me(), refetchOnMount: "always" });
  const sees = may(me.data, "webhook.read");
  const able = may(me.data, "webhook.edit");
  const query = useQuery({ ...webhookQueries.list(), enabled: sees });
  const acts = useActs();
  const list = query.data;
  const full = (list?.length ?? 0) >= MOST;
  const add = able && (
    <Button
      variant="primary"
      icon={<Plus aria-hidden />}
      disabled={full}
      title={full ? words.full(MOST) : undefined}
      onClick={acts.add}
    >
      {words.add}
    </Button>
  );
  const failed = me.data === undefined ? me : query;
  return (
    <SettingsFrame
      title={words.title}
      lead={words.lead}
      actions={list !== undefined && list.length > 0 && add}
    >
      {me.data !== undefined && !sees ? (
        <EmptyState icon={<Lock />} title={words.refused.title} body={words.refused.body} />
      ) : list === undefined ? (
        failed.isError ? (
          <ErrorState problem={failed.error} retry={() => void failed.refetch()} />
        ) : (
          <ListSkeleton />
        )
      ) : (
        <>
          {full && <p className="pb-3 text-muted">{words.full(MOST)}</p>}
          <DataTable
            caption={words.title}
            rows={list}
            rowKey={(one) => one.id}
            columns={columns(able ? acts : null)}
            empty={
              <EmptyState
                icon={<WebhookIcon />}
                title={words.empty.title}
                body={words.empty.body}
                action={add}
              />
            }
          />
        </>
      )}
      {acts.dialogs}
    </SettingsFrame>
  );
}

function columns(acts: WebhookActs | null): Column<Webhook>[] {
  const all: Column<Webhook>[] = [
    {
      key: "address",
      header: words.columns.address,
      cell: ({ id, address }) => (
        <Link
          to="/settings/webhooks/$webhook"
          params={{ webhook: id }}
          title={address}
          className="break-all font-medium"
        >
          {shortAddress(address)}
        </Link>
      ),
    },
    {
      key: "events",
      header: words.columns.events,
      wide: true,
      cell: ({ events }) => (
        <span title={events.join(", ")} className="text-muted">
          {words.told(events.length, EVENTS.length)}
        </span>
      ),
    },
    {
      key: "state",
      header: words.columns.state,
      cell: (webhook) => <WebhookState webhook={webhook} />,
    },
    {
      key: "waiting",
      header: words.columns.waiting,
      wide: true,
      cell: ({ waiting }) => (
        <span className={waiting === 0 ? "text-faint" : "tabular-nums"}>
          {words.waiting(waiting)}
        </span>
      ),
    },
  ];
  if (acts !== null) {
    all.push({
      key: "actions",
      header: <span className="sr-only">{words.columns.actions}</span>,
      align: "end",
      className: "w-10",
      cell: (webhook) => (
        <Menu
          trigger={
            <IconButton size="sm" label={words.actions(shortAddress(webhook.address))}>
              <Ellipsis aria-hidden />
            </IconButton>
          }
          items={acts.items(webhook)}
        />
      ),
    });
  }
  return all;
}
