import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { type GroupRole, isProblem, peopleKeys, ROLES, type SignInProvider } from "../api";
import { Choice } from "../settings/form/choice";
import { errorAt, Form } from "../settings/form/form";
import { FormDialog } from "../settings/form/form-dialog";
import { useForm } from "../settings/form/use-form";
import { groups } from "../strings/groups";
import { roles } from "../strings/people";
import { settings } from "../strings/settings";
import { Button, Callout, Field, Input, Select, toast } from "../ui";
import { putGroupRole } from "./calls";
import { type GroupDraft, groupFault } from "./group-rules";

const words = groups.dialog;

interface GroupDialogProps {
  /** The one that is changed; null for a new one. */
  group: GroupRole | null;
  known: readonly GroupRole[];
  providers: readonly SignInProvider[];
  onClose: () => void;
}

/** Says what a group is here. */
export function GroupDialog(props: GroupDialogProps) {
  const title = props.group === null ? words.addTitle : words.editTitle(props.group.group);
  return (
    <FormDialog title={title} onClose={props.onClose}>
      {(changed) => <Fields {...props} onChanged={changed} />}
    </FormDialog>
  );
}

function Fields({
  group,
  known,
  providers,
  onClose,
  onChanged,
}: GroupDialogProps & { onChanged: (dirty: boolean) => void }) {
  const client = useQueryClient();
  const form = useForm<GroupDraft>({
    initial: group ?? { provider: providers[0]?.name ?? "", group: "", role: "developer" },
    faults(draft) {
      const fault = group === null ? groupFault(draft, known) : null;
      return fault === null ? {} : { group: fault };
    },
    fieldOf(problem) {
      if (isProblem(problem, "invalid")) return "group";
      return isProblem(problem, "not_found") ? "provider" : null;
    },
    async send({ provider, group: name, role }) {
      await putGroupRole({ provider, group: name, role });
      void client.invalidateQueries({ queryKey: peopleKeys.groups });
      toast.show({ title: group === null ? groups.added(name) : groups.edited(name), tone: "ok" });
      onClose();
    },
  });
  const { draft } = form;
  useEffect(() => onChanged(form.dirty), [form.dirty, onChanged]);
  return (
    <Form
      form={form}
      names={{ provider: words.provider, group: words.group, role: words.role }}
      submit={group === null ? words.submit : settings.save}
      actions={<Button onClick={onClose}>{settings.cancel}</Button>}
    >
      {group === null && (
        <>
          <Field label={words.group} hint={words.groupHint} error={errorAt(form, "group")} required>
            <Input
              value={draft.group}
              onChange={(event) => form.set("group", event.target.value)}
              onBlur={() => draft.group !== "" && form.left("group")}
              spellCheck={false}
              autoCapitalize="none"
              className="font-mono text-sm"
            />
          </Field>
          <Field label={words.provider} error={errorAt(form, "provider")}>
            <Select
              value={draft.provider}
              onValueChange={(provider) => form.set("provider", provider)}
              options={providers.map(({ name, title }) => ({ value: name, label: title }))}
            />
          </Field>
        </>
      )}
      <Choice
        legend={words.role}
        value={draft.role}
        onChange={(role) => form.set("role", role)}
        options={ROLES.map((role) => ({ value: role, ...roles[role] }))}
      />
      {draft.role === "owner" && (
        <Callout tone="warn" title={words.ownerTitle}>
          {words.owner}
        </Callout>
      )}
    </Form>
  );
}
