import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { History, SearchX } from "lucide-react";
import { useEffect, useMemo, useRef } from "react";
import { api } from "../api/client";
import { keys, queries } from "../api/queries";
import type { Run, RunState } from "../api/types";
import { matchesWords, shortId, truncate } from "../lib/text";
import { run as words } from "../strings/run";
import { ui } from "../strings/ui";
import {
  Button,
  ButtonLink,
  type Column,
  DataTable,
  Duration,
  EmptyState,
  ErrorState,
  Input,
  Link,
  Loading,
  PageHeader,
  Select,
  Skeleton,
  Spinner,
  StateBadge,
  Time,
} from "../ui";
import { upright } from "./plain-output";

/** Runs on one page of the list. */
const PAGE = 50;
const TITLE_MAX = 160;

const STATES: readonly RunState[] = [
  "queued",
  "dispatching",
  "running",
  "waiting",
  "landing",
  "succeeded",
  "failed",
  "cancelled",
  "rejected",
];
const LIVE = "queued,dispatching,running,landing";

export default function RunsPage() {
  const search = useSearch({ from: "/runs" });
  const navigate = useNavigate({ from: "/runs" });
  const { project, card, state } = search;
  const list = useInfiniteQuery({
    queryKey: [...keys.runs(), "all", { project, card, state }],
    queryFn: ({ pageParam, signal }) =>
      api.get("/runs", { query: { project, card, state, after: pageParam, limit: PAGE }, signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  });
  const projects = useQuery(queries.projects());
  const names = useMemo(
    () => new Map(projects.data?.map((one) => [one.id, one.name])),
    [projects.data],
  );
  const all = useMemo(
    () => unique(list.data?.pages.flatMap((page) => page.items) ?? []),
    [list.data],
  );
  const agents = useQuery(queries.agents());
  const [agent, words_] = [search.agent ?? "", search.q ?? ""];
  // The server has no filter by agent; what is loaded is narrowed here, and more is loaded.
  const runs = all.filter(
    (run) =>
      (agent === "" || run.agent === agent) &&
      (words_ === "" || matchesWords(`${run.card_title} ${run.agent} ${run.id}`, words_)),
  );
  const filtered =
    project !== undefined ||
    card !== undefined ||
    state !== undefined ||
    agent !== "" ||
    words_ !== "";
  const set = (change: Partial<typeof search>) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace: true, resetScroll: false });
  return (
    <div>
      <PageHeader title={words.list.title} />
      <div className="grid grid-cols-2 items-center gap-2 pb-3 sm:flex sm:flex-wrap">
        <Select
          aria-label={words.list.state}
          className="sm:w-40"
          value={state ?? ""}
          onValueChange={(value) => set({ state: value || undefined })}
          options={[
            { value: "", label: words.list.anyState },
            { value: LIVE, label: words.list.live },
            ...STATES.map((value) => ({ value, label: ui.states[value] ?? value })),
          ]}
        />
        <Select
          aria-label={words.list.project}
          className="sm:w-48"
          value={project ?? ""}
          onValueChange={(value) => set({ project: value || undefined })}
          options={[
            { value: "", label: words.list.anyProject },
            ...(projects.data ?? []).map((one) => ({ value: one.id, label: one.name })),
          ]}
        />
        <Select
          aria-label={words.list.agent}
          className="sm:w-40"
          value={agent}
          onValueChange={(value) => set({ agent: value || undefined })}
          options={[
            { value: "", label: words.list.anyAgent },
            ...(agents.data ?? []).map((one) => ({ value: one.name, label: one.name })),
          ]}
        />
        <Input
          type="search"
          aria-label={words.list.search}
          placeholder={words.list.search}
          value={words_}
          onChange={(event) => set({ q: event.target.value || undefined })}
          className="w-full sm:w-56"
        />
        {filtered && (
          <Button variant="ghost" onClick={() => void navigate({ search: {}, replace: true })}>
            {words.list.none.action}
          </Button>
        )}
      </div>
      {list.isPending && <Coming />}
      {list.isError && !list.data && (
        <ErrorState problem={list.error} retry={() => void list.refetch()} />
      )}
      {list.data && runs.length > 0 && <RunsTable runs={runs} names={names} />}
      {list.data && runs.length === 0 && !list.hasNextPage && <Nothing filtered={filtered} />}
      <More
        busy={list.isFetchingNextPage}
        more={list.hasNextPage}
        failed={list.isFetchNextPageError}
        load={() => void list.fetchNextPage()}
      />
    </div>
  );
}

/** A run that began while pages were read may be on two of them. */
function unique(runs: Run[]): Run[] {
  return [...new Map(runs.map((run) => [run.id, run])).values()];
}

function RunsTable({ runs, names }: { runs: Run[]; names: Map<string, string> }) {
  const columns: Column<Run>[] = [
    {
      key: "card",
      header: words.list.card,
      cell: (run) => (
        <div className="flex min-w-0 flex-col">
          <Link to="/runs/$run" params={{ run: run.id }} className="font-medium text-ink">
            <bdi>{truncate(upright(run.card_title) || shortId(run.id), TITLE_MAX)}</bdi>
          </Link>
          <span className="text-xs text-faint">
            {[names.get(run.project), run.agent].filter(Boolean).join(" · ")}
          </span>
        </div>
      ),
    },
    {
      key: "state",
      header: words.list.state,
      cell: (run) => <StateBadge state={run.state} reason={run.reason} />,
    },
    {
      key: "when",
      header: words.list.when,
      wide: true,
      cell: (run) => <Time at={run.created_at} className="whitespace-nowrap text-muted" />,
    },
    {
      key: "took",
      header: words.list.took,
      align: "end",
      wide: true,
      cell: (run) =>
        run.started_at && (run.finished_at || run.state === "running") ? (
          <Duration
            from={run.started_at}
            to={run.finished_at}
            className="whitespace-nowrap text-muted"
          />
        ) : null,
    },
  ];
  return (
    <DataTable caption={words.list.title} columns={columns} rows={runs} rowKey={(run) => run.id} />
  );
}

interface MoreProps {
  busy: boolean;
  more: boolean;
  failed: boolean;
  load: () => void;
}

/** Loads on when its place is scrolled to; a button for those who do not scroll. */
function More({ busy, more, failed, load }: MoreProps) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current;
    if (!element || !more || busy || failed) return;
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) load();
      },
      { rootMargin: "600px" },
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, [more, busy, failed, load]);
  if (!more) return null;
  return (
    <div ref={place} className="flex justify-center py-4">
      {busy ? (
        <Spinner label={words.list.loadingMore} />
      ) : (
        <Button onClick={load}>{words.list.more}</Button>
      )}
    </div>
  );
}

function Nothing({ filtered }: { filtered: boolean }) {
  if (filtered) {
    return (
      <EmptyState
        icon={<SearchX aria-hidden />}
        title={words.list.none.title}
        body={words.list.none.body}
        action={
          <ButtonLink to="/runs" search={{}}>
            {words.list.none.action}
          </ButtonLink>
        }
      />
    );
  }
  return (
    <EmptyState
      icon={<History aria-hidden />}
      title={words.list.empty.title}
      body={words.list.empty.body}
      action={
        <ButtonLink to="/projects" variant="primary">
          {words.list.empty.action}
        </ButtonLink>
      }
    />
  );
}

function Coming() {
  return (
    <div className="flex flex-col gap-px rounded-lg border border-line bg-surface p-3">
      <Loading />
      {Array.from({ length: 8 }, (_, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: patches without a name.
        <Skeleton key={at} className="my-2 h-6 w-full" />
      ))}
    </div>
  );
}
