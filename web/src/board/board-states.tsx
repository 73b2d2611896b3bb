import { FilterX, LayoutGrid, Plus } from "lucide-react";
import { board as say } from "../strings/board";
import { Button, ButtonLink, EmptyState, Loading, Skeleton } from "../ui";
import { LANES } from "./lanes";
import { CARD_REM } from "./metrics";

/** Cards that a lane seems to have before it is known how many there are. */
const SEEMING = [3, 1, 2, 1, 2, 4];

export function BoardSkeleton() {
  return (
    <div className="flex min-h-0 flex-1 gap-2 overflow-hidden">
      <Loading label={say.loading} />
      {LANES.map((lane, index) => (
        <div
          key={lane}
          className="flex w-full shrink-0 flex-col gap-2 px-1.5 md:w-auto md:min-w-40 md:max-w-96 md:flex-1"
        >
          <div className="flex h-9 items-center text-sm font-semibold text-ink">{lane}</div>
          {Array.from({ length: SEEMING[index] ?? 1 }, (_, n) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: patches are all alike.
            <div key={`${lane}-${n + 1}`} style={{ height: `${CARD_REM}rem` }}>
              <Skeleton className="h-full rounded-md" />
            </div>
          ))}
        </div>
      ))}
    </div>
  );
}

interface NoCardsProps {
  /** Null, both, where this person adds no cards. */
  onAdd: (() => void) | null;
  onExample: (() => void) | null;
}

export function NoCards({ onAdd, onExample }: NoCardsProps) {
  return (
    <EmptyState
      icon={<LayoutGrid />}
      title={say.empty.title}
      body={
        <>
          <p>{say.empty.body}</p>
          <figure className="mt-4 rounded-md border border-line bg-surface px-3 py-2 text-start">
            <figcaption className="text-xs text-faint">{say.empty.exampleLabel}</figcaption>
            <p className="mt-1 font-medium text-ink">{say.empty.exampleTitle}</p>
            <p className="whitespace-pre-line">{say.empty.exampleBody}</p>
          </figure>
        </>
      }
      action={
        onAdd &&
        onExample && (
          <>
            <Button variant="primary" icon={<Plus aria-hidden />} onClick={onAdd}>
              {say.empty.add}
            </Button>
            <Button onClick={onExample}>{say.empty.example}</Button>
          </>
        )
      }
    />
  );
}

export function NoMatch({ hidden, onClear }: { hidden: number; onClear: () => void }) {
  return (
    <EmptyState
      icon={<FilterX />}
      title={say.empty.noMatchTitle}
      body={say.empty.noMatchBody(hidden)}
      action={<Button onClick={onClear}>{say.filter.clear}</Button>}
    />
  );
}

export function NoArchived({ onBack }: { onBack: () => void }) {
  return (
    <EmptyState
      title={say.archive.emptyTitle}
      body={say.archive.emptyBody}
      action={<Button onClick={onBack}>{say.archive.back}</Button>}
    />
  );
}

export function NoProject() {
  return (
    <EmptyState
      title={say.noProject.title}
      body={say.noProject.body}
      action={<ButtonLink to="/projects">{say.noProject.action}</ButtonLink>}
    />
  );
}
