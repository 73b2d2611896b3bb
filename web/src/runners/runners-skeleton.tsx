import { Loading, Skeleton } from "../ui";

/** The size of two runners, until they come. */
export function RunnersSkeleton() {
  return (
    <div className="flex flex-col gap-2">
      <Loading />
      {[0, 1].map((at) => (
        <div
          key={at}
          className="flex h-20 flex-col justify-center gap-3 rounded-lg border border-line bg-surface px-3"
        >
          <Skeleton className="w-48" />
          <Skeleton className="w-2/3" />
        </div>
      ))}
    </div>
  );
}
