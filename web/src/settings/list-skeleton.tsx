import { Loading, Skeleton } from "../ui";

/** The size of a short table, until it comes. */
export function ListSkeleton({ rows = 3 }: { rows?: number }) {
  return (
    <div className="overflow-hidden rounded-lg border border-line bg-surface">
      <Loading />
      <div className="h-8 border-line border-b" />
      {Array.from({ length: rows }, (_, at) => (
        <div
          // biome-ignore lint/suspicious/noArrayIndexKey: patches have no name.
          key={at}
          className="flex h-9 items-center gap-6 border-line border-b px-3 last:border-b-0"
        >
          <Skeleton className="w-32" />
          <Skeleton className="w-24" />
          <Skeleton className="hidden w-48 md:block" />
        </div>
      ))}
    </div>
  );
}
