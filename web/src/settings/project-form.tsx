import { useEffect } from "react";
import { isProblem, type Project } from "../api";
import { projectSettings as words } from "../strings/settings";
import { projects } from "../strings/welcome";
import { Button, Field, Input } from "../ui";
import { addProject } from "./calls";
import { EgressChoice } from "./egress-choice";
import { sentences } from "./faults";
import { errorAt, Form } from "./form/form";
import { Trying } from "./form/trying";
import { useForm } from "./form/use-form";
import {
  EMPTY_PROJECT,
  newProjectBody,
  type ProjectDraft,
  type ProjectField,
  projectFaults,
  withRemote,
} from "./project-draft";
import { Directory, NameAndTarget } from "./project-fields";

export const PROJECT_NAMES: Record<ProjectField, string> = {
  remote: words.remote,
  name: words.name,
  target: words.target,
  directory: words.directory,
  egress: words.egress,
};

/** The field that a refusal is about. A remote that lacks the branch is refused for the branch. */
export function projectFieldOf(problem: unknown): ProjectField | null {
  if (isProblem(problem, "exists")) return "name";
  if (!isProblem(problem, "remote_refused")) return null;
  return /branch/.test(problem.problem.detail) ? "target" : "remote";
}

/** Adds a project; a runner tries its remote first. */
export function NewProjectForm({
  onAdded,
  onChanged,
  onCancel,
}: {
  onAdded: (project: Project) => void;
  onChanged?: (dirty: boolean) => void;
  onCancel?: () => void;
}) {
  const form = useForm<ProjectDraft>({
    initial: EMPTY_PROJECT,
    faults: (draft) => sentences<ProjectField>(projectFaults(draft, true)),
    send: async (draft) => onAdded(await addProject(newProjectBody(draft))),
    fieldOf: projectFieldOf,
  });
  const { draft } = form;
  useEffect(() => onChanged?.(form.dirty), [form.dirty, onChanged]);
  return (
    <Form
      form={form}
      names={PROJECT_NAMES}
      submit={projects.dialog.submit}
      status={<Trying text={projects.dialog.trying} slow={projects.dialog.slow} />}
      actions={onCancel && <CancelButton onCancel={onCancel} />}
    >
      <Field label={words.remote} hint={words.remoteHint} error={errorAt(form, "remote")} required>
        <Input
          value={draft.remote}
          onChange={(event) => form.change(withRemote(draft, event.target.value))}
          onBlur={() => form.left("remote")}
          spellCheck={false}
          autoCapitalize="none"
          className="font-mono text-sm"
        />
      </Field>
      <NameAndTarget form={form} isNew />
      <Directory form={form} />
      <EgressChoice value={draft.egress} onChange={(egress) => form.set("egress", egress)} />
    </Form>
  );
}

function CancelButton({ onCancel }: { onCancel: () => void }) {
  return <Button onClick={onCancel}>{projects.dialog.cancel}</Button>;
}
