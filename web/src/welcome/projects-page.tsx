import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { FolderGit2, Plus, Settings } from "lucide-react";
import { useState } from "react";
import type { Project } from "../api";
import { keys, queries } from "../api/queries";
import { FormDialog } from "../settings/form/form-dialog";
import { NewProjectForm } from "../settings/project-form";
import { projects as words } from "../strings/welcome";
import { Badge, Button, ButtonLink, EmptyState, ErrorState, Link, PageHeader, toast } from "../ui";
import { type Counts, counts } from "./counts";
import { showFirstSteps } from "./first-steps";
import { ProjectsSkeleton } from "./projects-skeleton";

/** States of a run in which something goes on by itself. */
const AT_WORK = ["queued", "dispatching", "running", "landing"] as const;

export default function ProjectsPage() {
  const query = useQuery(queries.projects());
  const running = useQuery(queries.runs({ state: AT_WORK }));
  const inbox = useQuery(queries.inbox());
  const [adding, setAdding] = useState(false);
  const list = query.data;
  const add = (
    <Button variant="primary" icon={<Plus aria-hidden />} onClick={() => setAdding(true)}>
      {words.add}
    </Button>
  );
  return (
    <div className="mx-auto max-w-5xl">
      <PageHeader
        title={words.title}
        actions={list !== undefined && list.length > 0 ? add : undefined}
      />
      {list === undefined ? (
        query.isError ? (
          <ErrorState problem={query.error} retry={() => query.refetch()} />
        ) : (
          <ProjectsSkeleton />
        )
      ) : list.length === 0 ? (
        <EmptyState
          title={words.empty.title}
          body={words.empty.body}
          icon={<FolderGit2 />}
          action={
            <>
              {add}
              <ButtonLink to="/" onClick={() => showFirstSteps()}>
                {words.empty.first}
              </ButtonLink>
            </>
          }
        />
      ) : (
        <ul className="grid gap-3 sm:grid-cols-2 lg:grid-cols-3">
          {list.map((project) => (
            <ProjectTile
              key={project.id}
              project={project}
              counts={counts(project.id, running.data?.items ?? [], inbox.data ?? [])}
            />
          ))}
        </ul>
      )}
      {adding && <AddProject onClose={() => setAdding(false)} />}
    </div>
  );
}

function AddProject({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  return (
    <FormDialog title={words.dialog.title} size="lg" onClose={onClose}>
      {(changed) => (
        <NewProjectForm
          onChanged={changed}
          onCancel={onClose}
          onAdded={(project) => {
            client.invalidateQueries({ queryKey: keys.projects });
            toast.show({ title: words.dialog.added(project.name), tone: "ok" });
            changed(false);
            onClose();
            navigate({ to: "/projects/$project", params: { project: project.id } });
          }}
        />
      )}
    </FormDialog>
  );
}

function ProjectTile({ project, counts }: { project: Project; counts: Counts }) {
  return (
    <li className="relative flex min-w-0 flex-col gap-2 rounded-lg border border-line bg-surface px-4 py-3 hover:border-strong">
      <div className="flex items-start gap-2">
        <h2 className="min-w-0 flex-1 break-words font-semibold">
          <Link
            to="/projects/$project"
            params={{ project: project.id }}
            quiet
            className="after:absolute after:inset-0 after:content-['']"
          >
            {project.name}
          </Link>
        </h2>
        {project.egress === "open" && <Badge tone="warn">{words.openEgress}</Badge>}
        <span className="relative -my-1 -mr-2">
          <ButtonLink
            aria-label={words.settings(project.name)}
            title={words.settings(project.name)}
            to="/projects/$project/settings"
            params={{ project: project.id }}
            variant="ghost"
            size="sm"
            className="w-7 px-0"
          >
            <Settings aria-hidden />
          </ButtonLink>
        </span>
      </div>
      <p title={project.remote} className="truncate font-mono text-muted text-sm">
        {project.remote}
      </p>
      <p className="text-faint text-sm">{words.landsOn(project.target)}</p>
      <Going counts={counts} />
    </li>
  );
}

function Going({ counts: { running, waiting, failed } }: { counts: Counts }) {
  const quiet = running + waiting + failed === 0;
  return (
    <p className="flex min-h-5 flex-wrap gap-1.5">
      {quiet && <span className="text-faint text-sm">{words.counts.quiet}</span>}
      {waiting > 0 && <Badge tone="accent">{words.counts.waiting(waiting)}</Badge>}
      {running > 0 && <Badge tone="info">{words.counts.running(running)}</Badge>}
      {failed > 0 && <Badge tone="danger">{words.counts.failed(failed)}</Badge>}
    </p>
  );
}
