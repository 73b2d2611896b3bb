import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { type ReactNode, useEffect, useRef } from "react";
import type { Project } from "../api";
import { queries } from "../api/queries";
import { settings, projectSettings as words } from "../strings/settings";
import { CodeBlock, CopyButton, ErrorState, Field, Input, Link, PageHeader, toast } from "../ui";
import { editProject, lookAtProject } from "./calls";
import { EgressChoice } from "./egress-choice";
import { sentences } from "./faults";
import { Form } from "./form/form";
import { FormSkeleton } from "./form/form-skeleton";
import { MeanwhileDialog } from "./form/meanwhile";
import { Trying } from "./form/trying";
import { Unsaved } from "./form/unsaved";
import { useEdited } from "./form/use-edited";
import {
  editProjectBody,
  type ProjectDraft,
  type ProjectField,
  projectFaults,
} from "./project-draft";
import { Directory, NameAndTarget } from "./project-fields";
import { PROJECT_NAMES, projectFieldOf } from "./project-form";

export default function ProjectSettingsPage() {
  const { project: id } = useParams({ from: "/projects/$project/settings" });
  const query = useQuery(queries.project(id));
  const project = query.data;
  return (
    <div className="mx-auto max-w-3xl">
      <PageHeader
        title={words.title}
        breadcrumbs={
          project && [
            <Link key="board" to="/projects/$project" params={{ project: id }} quiet>
              {project.name}
            </Link>,
          ]
        }
      />
      {query.isError && !project ? (
        <ErrorState problem={query.error} retry={() => query.refetch()} />
      ) : project ? (
        // Another project is another form; what was typed for one must not show in the other.
        <Loaded key={project.id} project={project} />
      ) : (
        <FormSkeleton fields={4} />
      )}
    </div>
  );
}

function Loaded({ project }: { project: Project }) {
  return (
    <div className="flex flex-col gap-8">
      <Section title={words.general}>
        <General project={project} />
      </Section>
      <Section title={words.record}>
        <p className="text-muted">{words.recordBody}</p>
        <dl className="grid grid-cols-[auto_1fr] items-center gap-x-4 gap-y-1">
          <Row name={words.recordAt} value={project.record.remote} />
          <Row name={words.recordRef} value={project.record.ref} />
        </dl>
      </Section>
      <Section title={words.file}>
        <p className="text-muted">{words.fileBody}</p>
        <CodeBlock text={words.fileExample} label={words.file} />
        <ul className="list-disc pl-5 text-muted">
          {words.fileNotes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      </Section>
    </div>
  );
}

function General({ project }: { project: Project }) {
  const client = useQueryClient();
  const edited = useEdited<ProjectDraft, Project>({
    seen: project,
    empty: draftOf(project),
    draftOf,
    look: () => lookAtProject(project.id),
    // There is one already.
    add: () => Promise.resolve(project),
    save: (draft, seen, ifMatch) => editProject(seen.id, editProjectBody(draft, seen), ifMatch),
    onSaved(saved) {
      client.setQueryData(queries.project(project.id).queryKey, saved);
      edited.follow(saved);
      toast.show({ title: words.saved, tone: "ok" });
    },
    faults: (draft) => sentences<ProjectField>(projectFaults(draft, false)),
    fieldOf: projectFieldOf,
  });
  const { form } = edited;
  const { draft, dirty, busy } = form;
  const follow = useRef(edited.follow);
  follow.current = edited.follow;
  useEffect(() => {
    // Somebody else changed it: what nobody has touched here follows.
    if (!dirty && !busy) follow.current(project);
  }, [project, dirty, busy]);
  return (
    <>
      <Unsaved dirty={dirty} />
      <MeanwhileDialog edited={edited} names={PROJECT_NAMES} />
      <Form
        form={form}
        names={PROJECT_NAMES}
        submit={settings.save}
        status={<Trying text={words.trying} />}
        onlyChanged
      >
        <Field label={words.remote} hint={words.remoteFixed}>
          <div className="flex gap-1">
            <Input value={project.remote} readOnly className="bg-canvas font-mono text-sm" />
            <CopyButton text={project.remote} size="md" />
          </div>
        </Field>
        <NameAndTarget form={form} isNew={false} />
        <Directory form={form} />
        <EgressChoice value={draft.egress} onChange={(egress) => form.set("egress", egress)} />
      </Form>
    </>
  );
}

function draftOf(project: Project): ProjectDraft {
  const { remote, name, target, egress } = project;
  return { remote, name, target, directory: project.directory ?? "", egress };
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="flex flex-col gap-3">
      <h2 className="font-semibold text-lg">{title}</h2>
      {children}
    </section>
  );
}

function Row({ name, value }: { name: string; value: string }) {
  return (
    <>
      <dt className="text-muted text-sm">{name}</dt>
      <dd className="min-w-0 break-all font-mono text-sm">{value}</dd>
    </>
  );
}
