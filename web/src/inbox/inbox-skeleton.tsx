import { Loading, Skeleton } from "../ui";

/** The size of a group of the inbox, until it comes. */
export function InboxSkeleton() {
  return (
    <div>
      <Loading />
      <Skeleton className="mb-2 h-6 w-40" />
      <div className="overflow-hidden rounded-lg border border-line bg-surface">
        {[0, 1, 2].map((at) => (
          <div
            key={at}
            className="flex flex-col gap-2 border-line border-b px-3 py-2.5 last:border-b-0"
          >
            <Skeleton className="w-3/5" />
            <Skeleton className="w-2/5" />
            <Skeleton className="w-1/4" />
          </div>
        ))}
      </div>
    </div>
  );
}
