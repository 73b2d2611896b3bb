import type { ComponentProps } from "react";
import { projectSettings as words } from "../strings/settings";
import { Field, Input } from "../ui";
import { errorAt } from "./form/form";
import type { FormState } from "./form/use-form";
import type { ProjectDraft } from "./project-draft";

type Draft = FormState<ProjectDraft>;
type Text = "name" | "target" | "directory";

/** A line of text of a project's: the same in the form for a new one and in its settings. */
function TextField({
  form,
  of,
  hint,
  required,
  ...input
}: {
  form: Draft;
  of: Text;
  hint: string;
  required?: boolean;
} & Pick<ComponentProps<typeof Input>, "placeholder" | "className">) {
  return (
    <Field label={words[of]} hint={hint} error={errorAt(form, of)} required={required}>
      <Input
        value={form.draft[of]}
        onChange={(event) => form.set(of, event.target.value)}
        onBlur={() => form.left(of)}
        spellCheck={false}
        autoCapitalize="none"
        {...input}
      />
    </Field>
  );
}

/** Name and target side by side, where there is room. A project that is there has both. */
export function NameAndTarget({ form, isNew }: { form: Draft; isNew: boolean }) {
  return (
    <div className="grid gap-4 sm:grid-cols-2">
      <TextField form={form} of="name" hint={words.nameHint} required />
      <TextField
        form={form}
        of="target"
        hint={isNew ? words.targetNew : words.targetHint}
        placeholder={isNew ? words.targetPlaceholder : undefined}
        required={!isNew}
      />
    </div>
  );
}

/** The folder of the repository that the project is. */
export function Directory({ form }: { form: Draft }) {
  return (
    <TextField
      form={form}
      of="directory"
      hint={words.directoryHint}
      placeholder={words.directoryPlaceholder}
      className="font-mono text-sm"
    />
  );
}
