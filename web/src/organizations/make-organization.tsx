import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { type Organization, peopleKeys } from "../api";
import { Form } from "../settings/form/form";
import { FormDialog } from "../settings/form/form-dialog";
import { useForm } from "../settings/form/use-form";
import { organizations } from "../strings/organizations";
import { settings } from "../strings/settings";
import { Button, Field, Input, toast } from "../ui";
import { enterOrganization, makeOrganization } from "./calls";

const words = organizations.makeDialog;

/** Makes an organization of one's own and goes there. */
export default function MakeOrganization({ onClose }: { onClose: () => void }) {
  return (
    <FormDialog title={words.title} description={words.body} onClose={onClose}>
      {(changed) => <Fields onChanged={changed} onClose={onClose} />}
    </FormDialog>
  );
}

interface FieldsProps {
  onChanged: (dirty: boolean) => void;
  onClose: () => void;
}

function Fields({ onChanged, onClose }: FieldsProps) {
  const client = useQueryClient();
  // Made, and not entered yet: a second try does not make another.
  const made = useRef<{ typed: string; there: Organization } | null>(null);
  const form = useForm({
    initial: { name: "" },
    faults: ({ name }) => (name.trim() === "" ? { name: words.nameMissing } : {}),
    async send({ name }) {
      const typed = name.trim();
      if (made.current?.typed !== typed) {
        made.current = { typed, there: await makeOrganization(typed) };
        client.invalidateQueries({ queryKey: peopleKeys.organizations });
      }
      const { id, name: called } = made.current.there;
      await enterOrganization(id);
      toast.show({ title: words.made(called), tone: "ok" });
      onClose();
    },
  });
  useEffect(() => onChanged(form.dirty), [form.dirty, onChanged]);
  return (
    <Form
      form={form}
      names={{ name: words.name }}
      submit={words.submit}
      actions={<Button onClick={onClose}>{settings.cancel}</Button>}
    >
      <Field label={words.name} hint={words.nameHint} error={form.fault("name")} required>
        <Input
          name="organization"
          autoComplete="organization"
          value={form.draft.name}
          onChange={(event) => form.set("name", event.target.value)}
          onBlur={() => form.left("name")}
        />
      </Field>
    </Form>
  );
}
