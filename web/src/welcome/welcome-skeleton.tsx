import { Loading, Skeleton } from "../ui";
import { STEPS } from "./checklist";

/** The size of the first steps, until it is known how far one is. */
export function WelcomeSkeleton() {
  return (
    <div className="mx-auto flex max-w-3xl flex-col gap-2">
      <Loading />
      <Skeleton className="mb-3 h-7 w-64" />
      {STEPS.map((id) => (
        <div key={id} className="flex h-13 items-center gap-3 rounded-lg border border-line px-4">
          <Skeleton className="size-6 rounded-full" />
          <Skeleton className="w-40" />
        </div>
      ))}
    </div>
  );
}
