import { useLocation, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useCallback, useEffect, useRef, useState } from "react";
import { isProblem } from "../api";
import type { Run } from "../api/types";
import { run as words } from "../strings/run";
import {
  ButtonLink,
  EmptyState,
  ErrorState,
  Loading,
  PageHeader,
  Skeleton,
  type TabItem,
  Tabs,
} from "../ui";
import { ActivityView, type Target } from "./activity-view";
import type { RunEvent } from "./event";
import { Facts, Related } from "./facts";
import { type Filter, isFilter } from "./filters";
import { OutputView } from "./output-view";
import { RunHead } from "./run-head";
import { Steps } from "./steps";
import { Timeline } from "./timeline";
import { useFill } from "./use-fill";
import { type JournalView, useJournal } from "./use-journal";
import { useRun } from "./use-run";
import { useWide } from "./use-wide";

export default function RunPage() {
  const { run: id } = useParams({ from: "/runs/$run" });
  const { run, last, problem, retry } = useRun(id);
  if (run) return <RunView key={id} run={run} last={last} />;
  if (isProblem(problem, "not_found") || isProblem(problem, "invalid")) {
    return (
      <>
        <PageHeader title={words.title} />
        <EmptyState
          title={words.notFound.title}
          body={words.notFound.body}
          action={
            <ButtonLink to="/runs" variant="primary">
              {words.notFound.action}
            </ButtonLink>
          }
        />
      </>
    );
  }
  if (problem) {
    return (
      <>
        <PageHeader title={words.title} />
        <ErrorState problem={problem} retry={retry} />
      </>
    );
  }
  return <Coming />;
}

function Coming() {
  return (
    <>
      <PageHeader title={words.title} heading={<Skeleton className="h-7 w-72 max-w-full" />} />
      <Loading label={words.loading} />
      <div className="grid gap-4 lg:grid-cols-[15rem_minmax(0,1fr)]">
        <div className="hidden flex-col gap-2 lg:flex">
          <Skeleton className="h-6 w-full" />
          <Skeleton className="h-6 w-3/4" />
          <Skeleton className="h-6 w-2/3" />
        </div>
        <Skeleton className="h-[60vh] w-full" />
      </div>
    </>
  );
}

/** `e123` in the address names an event. */
function seqOf(hash: string, seq: number | undefined): number | null {
  const named = /^e(\d{1,12})$/.exec(hash)?.[1];
  return named === undefined ? (seq ?? null) : Number(named);
}

interface Place {
  tab: string;
  filter: Filter;
  step: string | undefined;
  marked: number | null;
  target: Target | null;
  go: (seq: number) => void;
  show: (tab: string) => void;
  choose: (filter: Filter) => void;
  openStep: (step: string) => void;
}

/** Where in the page one is, kept in its address. */
function usePlace(id: string): Place {
  const search = useSearch({ from: "/runs/$run" });
  const hash = useLocation({ select: (location) => location.hash });
  const navigate = useNavigate({ from: "/runs/$run" });
  const marked = seqOf(hash, search.seq);
  const [target, setTarget] = useState<Target | null>(
    marked === null ? null : { seq: marked, turn: 0 },
  );
  const turns = useRef(0);
  const aim = useCallback((seq: number) => {
    turns.current += 1;
    setTarget({ seq, turn: turns.current });
  }, []);
  const before = useRef(marked);
  useEffect(() => {
    if (marked !== null && marked !== before.current) aim(marked);
    before.current = marked;
  }, [marked, aim]);
  const set = useCallback(
    (change: { tab?: string; kind?: string; step?: string }, keep = true) =>
      void navigate({
        params: { run: id },
        search: (old) => ({ ...old, ...change }),
        hash: keep ? true : "",
        replace: true,
        resetScroll: false,
        hashScrollIntoView: false,
      }),
    [navigate, id],
  );
  const go = useCallback(
    (seq: number) => {
      aim(seq);
      void navigate({
        params: { run: id },
        search: (old) => ({ ...old, tab: undefined, seq: undefined }),
        hash: `e${seq}`,
        replace: true,
        resetScroll: false,
        hashScrollIntoView: false,
      });
    },
    [navigate, id, aim],
  );
  return {
    tab: search.tab ?? "activity",
    filter: search.kind !== undefined && isFilter(search.kind) ? search.kind : "all",
    step: search.step,
    marked,
    target,
    go,
    show: (tab) => set({ tab: tab === "activity" ? undefined : tab }),
    choose: (filter) => set({ kind: filter === "all" ? undefined : filter }),
    openStep: (step) => set({ tab: "output", step }),
  };
}

function RunView({ run, last }: { run: Run; last: number }) {
  const place = usePlace(run.id);
  const told = useJournal(run.id, last);
  const wide = useWide();
  const body = useRef<HTMLDivElement>(null);
  useFill(body);
  const about = <About run={run} told={told} onJump={place.go} />;
  return (
    <div>
      <RunHead run={run} stopping={told.journal.latest?.type === "run.stopping"} />
      <div ref={body} className="flex min-h-0 gap-4">
        {wide && <div className="w-60 shrink-0 overflow-y-auto pr-1">{about}</div>}
        <Views run={run} last={last} told={told} place={place} about={wide ? null : about} />
      </div>
    </div>
  );
}

interface ViewsProps {
  run: Run;
  last: number;
  told: JournalView;
  place: Place;
  about: React.ReactNode;
}

function Views({ run, last, told, place, about }: ViewsProps) {
  const { openStep } = place;
  const { attempts } = told.journal;
  const openOutput = useCallback(
    (event: RunEvent) => {
      const steps = attempts.flatMap((attempt) => attempt.steps);
      const step = steps.findLast((one) => one.seq <= event.seq);
      if (step) openStep(String(step.seq));
    },
    [attempts, openStep],
  );
  const items: TabItem[] = [
    {
      value: "activity",
      label: words.tabs.activity,
      count: last,
      content: (
        <ActivityView
          run={run}
          last={last}
          told={told.journal}
          filter={place.filter}
          target={place.target}
          marked={place.marked}
          onFilter={place.choose}
          onGo={place.go}
          onOpenOutput={openOutput}
        />
      ),
    },
    {
      value: "output",
      label: words.tabs.output,
      content: (
        <OutputView
          run={run}
          last={last}
          told={told.journal}
          chosen={place.step}
          onChoose={openStep}
        />
      ),
    },
  ];
  if (about !== null) {
    items.push({
      value: "about",
      label: words.tabs.about,
      content: <div className="h-full overflow-y-auto">{about}</div>,
    });
  }
  const value = items.some((item) => item.value === place.tab) ? place.tab : "activity";
  return (
    <Tabs
      value={value}
      onValueChange={place.show}
      items={items}
      label={words.tabs.label}
      className="h-full min-w-0 flex-1"
    />
  );
}

function About({
  run,
  told,
  onJump,
}: {
  run: Run;
  told: JournalView;
  onJump: (seq: number) => void;
}) {
  return (
    <div className="flex flex-col gap-4">
      <section aria-labelledby="run-steps" className="flex flex-col gap-2">
        <h2 id="run-steps" className="text-sm font-semibold text-ink">
          {words.steps.title}
        </h2>
        <Steps told={told.journal} complete={told.complete} onJump={onJump} />
        <Timeline run={run} told={told.journal} onJump={onJump} />
      </section>
      <section aria-labelledby="run-facts" className="flex flex-col gap-1">
        <h2 id="run-facts" className="text-sm font-semibold text-ink">
          {words.facts.title}
        </h2>
        <Facts run={run} related={<Related run={run} />} />
      </section>
    </div>
  );
}
