import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { isProblem, queries } from "../api";
import { useRun } from "../run/use-run";
import { review as words } from "../strings/review";
import { run as runWords } from "../strings/run";
import { ButtonLink, EmptyState, ErrorState, Loading, PageHeader, Skeleton } from "../ui";
import { ReviewView } from "./review-view";

export default function ReviewPage() {
  const { run: id } = useParams({ from: "/runs/$run/review" });
  const { run, problem, retry } = useRun(id);
  const review = useQuery(queries.review(id));
  const error = problem ?? (run && !review.data ? review.error : null);
  if (run && review.data) return <ReviewView key={id} run={run} latest={review.data} />;
  if (isProblem(error, "not_found") || isProblem(error, "invalid")) {
    return (
      <>
        <PageHeader title={words.heading} />
        <EmptyState
          title={runWords.notFound.title}
          body={runWords.notFound.body}
          action={
            <ButtonLink to="/runs" variant="primary">
              {runWords.notFound.action}
            </ButtonLink>
          }
        />
      </>
    );
  }
  if (error) {
    const again = () => {
      retry();
      void review.refetch();
    };
    return (
      <>
        <PageHeader title={words.heading} />
        <ErrorState problem={error} retry={again} />
      </>
    );
  }
  return <Coming />;
}

function Coming() {
  return (
    <>
      <PageHeader title={words.heading} heading={<Skeleton className="h-7 w-72 max-w-full" />}>
        <Skeleton className="h-5 w-96 max-w-full" />
      </PageHeader>
      <Loading label={words.loading} />
      <Skeleton className="mb-3 h-12 w-full max-lg:hidden" />
      <div className="mb-4 grid gap-3 lg:grid-cols-2">
        <Skeleton className="h-32 w-full" />
        <Skeleton className="h-32 w-full" />
      </div>
      <Skeleton className="h-[50vh] w-full" />
    </>
  );
}
