import { ArrowDown } from "lucide-react";
import { useEffect, useRef } from "react";
import type { Run } from "../api/types";
import { count } from "../lib/text";
import { run as words } from "../strings/run";
import { Button, Callout, cn, EmptyState, Spinner } from "../ui";
import type { ActivityModel } from "./activity-model";
import type { RunEvent } from "./event";
import type { Filter } from "./filters";
import { EventRow } from "./rows/event-row";
import type { RowsView } from "./use-rows";
import { hasEnded } from "./use-run";

interface ActivityListProps {
  run: Run;
  model: ActivityModel;
  view: RowsView;
  last: number;
  filter: Filter;
  /** The event that the address names. */
  marked: number | null;
  onFilter: (filter: Filter) => void;
  onOpenOutput: (event: RunEvent) => void;
}

/** The rows that are seen, and what is said where there are none. */
export function ActivityList(props: ActivityListProps) {
  const { model, view, marked, last } = props;
  const { layout } = model;
  const markedLead = marked === null ? -1 : layout.leadOf(model.indexOf(marked));
  return (
    <div className="relative flex min-h-0 flex-1 flex-col">
      {model.problem !== null && (
        <Callout
          tone="warn"
          className="mb-2"
          action={
            <Button size="sm" onClick={() => model.retry()}>
              {words.activity.retry}
            </Button>
          }
        >
          {words.activity.behind}
        </Callout>
      )}
      <section
        ref={view.scroller}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys.
        tabIndex={0}
        aria-label={words.activity.label}
        onKeyDown={view.onKeyDown}
        data-testid="activity"
        className="min-h-0 flex-1 overflow-y-auto rounded-lg border border-line bg-surface [overflow-anchor:none]"
      >
        <Nothing {...props} />
        <div
          ref={view.body}
          style={{ height: view.height }}
          className={cn(layout.count === 0 && "hidden")}
        >
          <ol ref={view.list} style={{ transform: `translateY(${view.top}px)` }}>
            {view.rows.map((row) => {
              const first = row.events[0];
              return (
                <li
                  key={model.seqAt(row.index)}
                  data-index={row.index}
                  data-seq={model.seqAt(row.index)}
                  data-loaded={first ? "" : undefined}
                  style={
                    first
                      ? undefined
                      : { height: layout.heights.get(row.index), overflow: "hidden" }
                  }
                >
                  <EventRow
                    row={row}
                    latest={first?.type === "agent.tool" ? layout.toolOf(first) : undefined}
                    marked={row.index === markedLead}
                    onOpenOutput={props.onOpenOutput}
                  />
                </li>
              );
            })}
          </ol>
        </div>
      </section>
      <Newer view={view} last={last} />
    </div>
  );
}

/** Says that there is more below, and brings one there. */
function Newer({ view, last }: { view: RowsView; last: number }) {
  const seen = useRef(last);
  useEffect(() => {
    if (view.atEnd) seen.current = last;
  }, [view.atEnd, last]);
  if (view.atEnd) return null;
  const more = last - seen.current;
  return (
    <div className="pointer-events-none absolute inset-x-0 bottom-3 flex justify-center">
      <Button
        size="sm"
        variant={more > 0 ? "primary" : "secondary"}
        icon={<ArrowDown aria-hidden />}
        onClick={view.jumpToEnd}
        className="pointer-events-auto rounded-full shadow-floating"
      >
        <span aria-live="polite">
          {more > 0 ? words.activity.newer(more) : words.activity.latest}
        </span>
      </Button>
    </div>
  );
}

function Nothing({ run, model, filter, last, onFilter }: ActivityListProps) {
  if (model.layout.count > 0) return null;
  const { empty } = words.activity;
  if (last === 0) {
    const ended = hasEnded(run.state);
    return (
      <EmptyState
        title={ended ? empty.endedTitle : empty.queuedTitle}
        body={ended ? empty.endedBody : empty.queuedBody}
      />
    );
  }
  if (filter === "all" || !model.opened || !model.atStart) {
    return (
      <p className="flex items-center justify-center gap-2 p-6 text-muted">
        <Spinner label={null} />
        <span role="status">{words.activity.earlier}</span>
      </p>
    );
  }
  const problems = filter === "problems";
  return (
    <EmptyState
      title={problems ? empty.problemsTitle : empty.filterTitle}
      body={problems ? empty.problemsBody : empty.filterBody}
      action={<Button onClick={() => onFilter("all")}>{empty.filterAction}</Button>}
    />
  );
}

/** "1,234 events", for the head of the list. */
export function eventCount(last: number): string {
  return last === 0 ? count(0) : words.activity.rows(last);
}
