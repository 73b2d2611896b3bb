import { Loading, Skeleton } from "../ui";

/** While a page's code comes: the shape of a header, so that nothing jumps. */
export function LoadingPage() {
  return (
    <div>
      <Loading />
      <Skeleton className="mb-3 h-7 w-48" />
      <Skeleton className="h-64 w-full" />
    </div>
  );
}
