import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { isProblem } from "../api";
import { queries } from "../api/queries";
import { board as say } from "../strings/board";
import { ErrorState, PageHeader } from "../ui";
import { BoardSkeleton, NoProject } from "./board-states";
import { ProjectBoard } from "./project-board";

/** The board of the project in the address, which may be named by its id or its name. */
export default function BoardPage() {
  const { project: named } = useParams({ from: "/projects/$project" });
  const query = useQuery(queries.project(named));
  const project = query.data;
  if (project) return <ProjectBoard key={project.id} project={project} />;
  const gone = isProblem(query.error, "not_found") || isProblem(query.error, "invalid");
  return (
    <div className="flex h-full min-h-0 flex-col">
      <PageHeader title={say.title} />
      {query.isPending && <BoardSkeleton />}
      {query.isError && gone && <NoProject />}
      {query.isError && !gone && (
        <ErrorState problem={query.error} retry={() => void query.refetch()} />
      )}
    </div>
  );
}
