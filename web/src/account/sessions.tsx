import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type BrowserSession, may, peopleKeys, peopleQueries, queries } from "../api";
import { ListSkeleton } from "../settings/list-skeleton";
import { accountPage } from "../strings/account-page";
import {
  Badge,
  Button,
  type Column,
  ConfirmDialog,
  ConfirmedDialog,
  DataTable,
  EmptyState,
  ErrorState,
  Time,
  toast,
} from "../ui";
import { browserName } from "./browser-name";
import { endOtherSessions, endSession } from "./calls";

const words = accountPage.sessions;

type Open = { what: "one"; session: BrowserSession } | { what: "others" } | null;

const nameOf = ({ browser }: BrowserSession) => browserName(browser) ?? words.unknown;

/** Where one is signed in; each can be ended from here but this one, which signs out. */
export function Sessions() {
  const query = useQuery(peopleQueries.sessions());
  const me = useQuery(queries.me());
  const client = useQueryClient();
  const [open, setOpen] = useState<Open>(null);
  const able = may(me.data, "session.end");
  const others = query.data?.some((one) => !one.this) ?? false;
  const look = () => client.invalidateQueries({ queryKey: peopleKeys.sessions });
  const close = (still: boolean) => {
    if (!still) setOpen(null);
  };
  return (
    <section className="flex flex-col gap-3">
      <header className="flex flex-wrap items-center gap-2">
        <div className="min-w-0 flex-1 basis-60">
          <h2 className="font-semibold text-lg">{words.title}</h2>
          <p className="max-w-prose text-muted">{words.lead}</p>
        </div>
        {able && others && (
          <Button onClick={() => setOpen({ what: "others" })}>{words.endOthers}</Button>
        )}
      </header>
      {query.data === undefined ? (
        query.isError ? (
          <ErrorState problem={query.error} retry={() => query.refetch()} />
        ) : (
          <ListSkeleton rows={2} />
        )
      ) : (
        <DataTable
          caption={words.title}
          rows={query.data}
          rowKey={(one) => one.id}
          columns={columns(able, (session) => setOpen({ what: "one", session }))}
          empty={
            <EmptyState
              className="rounded-lg border border-line bg-surface py-6"
              title={words.empty.title}
              body={words.empty.body}
            />
          }
        />
      )}
      {open?.what === "one" && (
        <ConfirmDialog
          open
          onOpenChange={close}
          title={words.endTitle(nameOf(open.session))}
          body={words.endBody}
          confirm={words.endConfirm}
          danger
          onConfirm={async () => {
            await endSession(open.session.id);
            void look();
            toast.show({ title: words.ended(nameOf(open.session)), tone: "ok" });
          }}
        />
      )}
      {open?.what === "others" && (
        <ConfirmedDialog
          what="session.end_all"
          act={endOtherSessions}
          onClose={() => setOpen(null)}
          title={words.endOthersTitle}
          body={words.endOthersBody}
          confirm={words.endOthersConfirm}
          onDone={() => {
            void look();
            toast.show({ title: words.endedOthers, tone: "ok" });
          }}
        />
      )}
    </section>
  );
}

function columns(able: boolean, end: (one: BrowserSession) => void): Column<BrowserSession>[] {
  return [
    {
      key: "browser",
      header: words.columns.browser,
      cell: (one) => (
        <span className="flex flex-wrap items-center gap-x-2" title={one.browser ?? undefined}>
          <bdi className="break-words font-medium">{nameOf(one)}</bdi>
          {one.this && <Badge tone="accent">{words.this}</Badge>}
        </span>
      ),
    },
    {
      key: "organization",
      header: words.columns.organization,
      wide: true,
      cell: (one) => <bdi>{one.organization_name}</bdi>,
    },
    {
      key: "address",
      header: words.columns.address,
      wide: true,
      cell: ({ address }) => address ?? <span className="text-faint">{words.noAddress}</span>,
    },
    {
      key: "began",
      header: words.columns.began,
      wide: true,
      cell: (one) => <Time at={one.began_at} className="text-muted" />,
    },
    {
      key: "used",
      header: <span title={words.usedHint}>{words.columns.used}</span>,
      cell: (one) => <Time at={one.renewed_at} className="text-muted" />,
    },
    {
      key: "actions",
      header: <span className="sr-only">{words.columns.actions}</span>,
      align: "end",
      cell: (one) =>
        able && !one.this ? (
          <Button
            size="sm"
            variant="ghost"
            aria-label={words.endNamed(nameOf(one))}
            onClick={() => end(one)}
          >
            {words.end}
          </Button>
        ) : null,
    },
  ];
}
