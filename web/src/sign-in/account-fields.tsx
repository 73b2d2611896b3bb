import type { HTMLInputAutoCompleteAttribute } from "react";
import type { FormState } from "../settings/form/use-form";
import { account as words } from "../strings/account";
import { Field, Input } from "../ui";

interface TextFieldProps<D> {
  form: FormState<D>;
  field: keyof D & string;
  label: string;
  hint?: string;
  type?: "text" | "email" | "password";
  /** Tells password managers what belongs here. */
  autoComplete: HTMLInputAutoCompleteAttribute;
  /** Says what is wrong as soon as the field is left. */
  early?: boolean;
}

function TextField<D extends Record<string, string>>({
  form,
  field,
  label,
  hint,
  type = "text",
  autoComplete,
  early = false,
}: TextFieldProps<D>) {
  return (
    <Field label={label} hint={hint} error={form.fault(field)} required>
      <Input
        name={field}
        type={type}
        autoComplete={autoComplete}
        autoCapitalize={type === "text" ? undefined : "none"}
        spellCheck={false}
        value={form.draft[field]}
        onChange={(event) => form.set(field, event.target.value as D[typeof field])}
        onBlur={early ? () => form.left(field) : undefined}
      />
    </Field>
  );
}

export function AddressField<D extends { address: string } & Record<string, string>>({
  form,
}: {
  form: FormState<D>;
}) {
  return (
    <TextField
      form={form}
      field="address"
      label={words.address}
      type="email"
      autoComplete="username"
    />
  );
}

export function PasswordField<D extends { password: string } & Record<string, string>>({
  form,
}: {
  form: FormState<D>;
}) {
  return (
    <TextField
      form={form}
      field="password"
      label={words.password}
      type="password"
      autoComplete="current-password"
    />
  );
}

export function NewPasswordField<D extends { password: string } & Record<string, string>>({
  form,
  label = words.newPassword,
}: {
  form: FormState<D>;
  label?: string;
}) {
  return (
    <TextField
      form={form}
      field="password"
      label={label}
      hint={words.newPasswordHint}
      type="password"
      autoComplete="new-password"
      early
    />
  );
}

export function NameField<D extends { name: string } & Record<string, string>>({
  form,
}: {
  form: FormState<D>;
}) {
  return (
    <TextField
      form={form}
      field="name"
      label={words.name}
      hint={words.nameHint}
      autoComplete="name"
    />
  );
}

export function OrganizationField<D extends { organization: string } & Record<string, string>>({
  form,
}: {
  form: FormState<D>;
}) {
  return (
    <TextField
      form={form}
      field="organization"
      label={words.organization}
      hint={words.organizationHint}
      autoComplete="organization"
    />
  );
}
