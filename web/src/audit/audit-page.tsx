import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Lock, ScrollText, SearchX } from "lucide-react";
import { useState } from "react";
import { type AuditEntry, api, may, peopleKeys, queries } from "../api";
import type { AuditSearch } from "../app/search";
import { ListSkeleton } from "../settings/list-skeleton";
import { SettingsFrame } from "../settings/settings-frame";
import { audit as words } from "../strings/audit";
import { Button, type Column, DataTable, EmptyState, ErrorState, FormError, Time } from "../ui";
import { EntryDialog } from "./entry-dialog";
import { auditQuery, isFiltered } from "./filter";
import { FilterForm } from "./filter-form";
import { Outcome } from "./outcome";
import { Proof } from "./proof";

/** Entries that are loaded at a time. */
const PAGE = 50;

export default function AuditPage() {
  const me = useQuery({ ...queries.me(), refetchOnMount: "always" });
  return (
    <SettingsFrame title={words.title} lead={words.lead}>
      {me.data === undefined ? (
        me.isError ? (
          <ErrorState problem={me.error} retry={() => me.refetch()} />
        ) : (
          <ListSkeleton rows={8} />
        )
      ) : may(me.data, "audit.read") ? (
        <div className="flex flex-col gap-8">
          <Log />
          <Proof mayExport={may(me.data, "audit.export")} />
        </div>
      ) : (
        <EmptyState icon={<Lock />} title={words.refused.title} body={words.refused.body} />
      )}
    </SettingsFrame>
  );
}

function Log() {
  const search = useSearch({ from: "/settings/audit" });
  const navigate = useNavigate({ from: "/settings/audit" });
  const [open, setOpen] = useState<AuditEntry | null>(null);
  const query = auditQuery(search);
  const list = useInfiniteQuery({
    queryKey: [...peopleKeys.audit, query],
    queryFn: ({ pageParam, signal }) =>
      api.get("/audit", { query: { ...query, after: pageParam, limit: PAGE }, signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    staleTime: 0,
  });
  const look = (next: AuditSearch) => {
    setOpen(null);
    void navigate({ search: next, resetScroll: false });
  };
  const entries = list.data?.pages.flatMap((page) => page.items) ?? [];
  const all = !list.hasNextPage;
  return (
    <section aria-label={words.title} className="flex flex-col gap-3">
      {/* Another address is another form: what was typed belongs to the one before. */}
      <FilterForm key={JSON.stringify(search)} search={search} onSearch={look} />
      {list.data === undefined ? (
        list.isError ? (
          <ErrorState problem={list.error} retry={() => void list.refetch()} />
        ) : (
          <ListSkeleton rows={8} />
        )
      ) : entries.length === 0 ? (
        <Nothing filtered={isFiltered(search)} clear={() => look({})} />
      ) : (
        <>
          <p role="status" className="text-muted text-sm tabular-nums">
            {all ? words.shown(entries.length) : words.shownSome(entries.length)}
          </p>
          <DataTable
            caption={words.title}
            rows={entries}
            rowKey={(entry) => `${entry.n} ${entry.at} ${entry.action} ${entry.resource}`}
            columns={columns(setOpen)}
          />
          {list.isFetchNextPageError && <FormError problem={list.error} />}
          {list.hasNextPage && (
            <div className="flex justify-center">
              <Button busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
                {words.more}
              </Button>
            </div>
          )}
        </>
      )}
      {open !== null && <EntryDialog entry={open} onSearch={look} onClose={() => setOpen(null)} />}
    </section>
  );
}

function Nothing({ filtered, clear }: { filtered: boolean; clear: () => void }) {
  if (!filtered) {
    return <EmptyState icon={<ScrollText />} title={words.empty.title} body={words.empty.body} />;
  }
  return (
    <EmptyState
      icon={<SearchX />}
      title={words.none.title}
      body={words.none.body}
      action={<Button onClick={clear}>{words.filter.clear}</Button>}
    />
  );
}

function columns(open: (entry: AuditEntry) => void): Column<AuditEntry>[] {
  return [
    {
      key: "n",
      header: words.columns.n,
      align: "end",
      wide: true,
      className: "w-16 text-faint",
      cell: ({ n }) => n ?? words.pending,
    },
    {
      key: "action",
      header: words.columns.action,
      cell: (entry) => (
        <button
          type="button"
          aria-label={words.open(entry.n ?? null, entry.action)}
          onClick={() => open(entry)}
          className="break-all rounded-sm text-left font-mono text-ink text-sm hover:underline"
        >
          {entry.action}
        </button>
      ),
    },
    {
      key: "actor",
      header: words.columns.actor,
      cell: ({ actor, actor_name }) =>
        actor_name == null ? (
          <span className="break-all font-mono text-muted text-xs">{actor}</span>
        ) : (
          <bdi className="break-words">{actor_name}</bdi>
        ),
    },
    {
      key: "outcome",
      header: words.columns.outcome,
      wide: true,
      cell: ({ outcome }) => <Outcome outcome={outcome} />,
    },
    {
      key: "at",
      header: words.columns.at,
      cell: ({ at }) => <Time at={at} className="text-muted" />,
    },
  ];
}
