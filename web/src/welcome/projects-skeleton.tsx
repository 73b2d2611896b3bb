import { Loading, Skeleton } from "../ui";

/** The size of three projects, until they come. */
export function ProjectsSkeleton() {
  return (
    <div className="grid gap-3 sm:grid-cols-2 lg:grid-cols-3">
      <Loading />
      {[0, 1, 2].map((at) => (
        <div
          key={at}
          className="flex h-32 flex-col gap-3 rounded-lg border border-line bg-surface px-4 py-3"
        >
          <Skeleton className="h-5 w-32" />
          <Skeleton className="w-full" />
          <Skeleton className="w-24" />
        </div>
      ))}
    </div>
  );
}
