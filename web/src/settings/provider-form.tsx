import { useEffect, useState } from "react";
import { isProblem, type Provider } from "../api";
import { settings, providerSettings as words } from "../strings/settings";
import { Button, Field, Input } from "../ui";
import { addProvider, lookAtProvider, replaceProvider } from "./calls";
import { sentences } from "./faults";
import { Choice } from "./form/choice";
import { errorAt, Form } from "./form/form";
import { MeanwhileDialog } from "./form/meanwhile";
import { Trying } from "./form/trying";
import { useEdited } from "./form/use-edited";
import type { FormState } from "./form/use-form";
import { PROVIDER_KINDS, type ProviderKind } from "./presets";
import {
  emptyProvider,
  KEY_CHOICES,
  type ProviderDraft,
  type ProviderField,
  providerBody,
  providerDraft,
  providerFaults,
  withKind,
} from "./provider-draft";

const NAMES: Record<ProviderField, string> = {
  name: words.name,
  kind: words.kind,
  address: words.address,
  model: words.model,
  key: words.key,
  variable: words.variable,
  file: words.file,
  secret: words.secret,
};

/** What a runner could not use is the key where it speaks of one, else the address. */
function fieldOf(problem: unknown): ProviderField | null {
  if (isProblem(problem, "exists")) return "name";
  return isProblem(problem, "provider_refused") ? "address" : null;
}

interface ProviderFormProps {
  /** The provider that is changed; null for a new one. */
  provider: Provider | null;
  /** Proposed for a new one. */
  kind?: ProviderKind;
  onSaved: (provider: Provider) => void;
  onChanged?: (dirty: boolean) => void;
  onCancel?: () => void;
}

/** A model endpoint; a runner tries it before it is saved. */
export function ProviderForm({ provider, kind, onSaved, onChanged, onCancel }: ProviderFormProps) {
  const edited = useEdited<ProviderDraft, Provider>({
    seen: provider,
    empty: emptyProvider(kind),
    draftOf: providerDraft,
    look: () => lookAtProvider(provider?.id ?? ""),
    add: (draft) => addProvider(providerBody(draft)),
    save: (draft, { id }, ifMatch) => replaceProvider(id, providerBody(draft), ifMatch),
    onSaved,
    faults: (draft) => sentences<ProviderField>(providerFaults(draft, provider)),
    fieldOf,
  });
  const { form } = edited;
  const { draft } = form;
  useEffect(() => onChanged?.(form.dirty), [form.dirty, onChanged]);
  return (
    <Form
      form={form}
      names={NAMES}
      submit={provider === null ? words.submit : settings.save}
      status={<Trying text={words.trying} slow={words.slow} />}
      actions={onCancel && <Button onClick={onCancel}>{settings.cancel}</Button>}
    >
      <MeanwhileDialog edited={edited} names={NAMES} />
      <Choice
        legend={words.kind}
        columns={3}
        value={draft.kind}
        onChange={(kind) => form.change(withKind(draft, kind))}
        options={PROVIDER_KINDS.map((kind) => ({ value: kind, ...words.kinds[kind] }))}
      />
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label={words.name} hint={words.nameHint} error={errorAt(form, "name")} required>
          <Input
            value={draft.name}
            onChange={(event) => form.set("name", event.target.value)}
            onBlur={() => form.left("name")}
            spellCheck={false}
          />
        </Field>
        <Field label={words.model} hint={words.modelHint} error={errorAt(form, "model")}>
          <Input
            value={draft.model}
            onChange={(event) => form.set("model", event.target.value)}
            onBlur={() => form.left("model")}
            spellCheck={false}
            autoCapitalize="none"
          />
        </Field>
      </div>
      <Field
        label={words.address}
        hint={words.addressHint}
        error={errorAt(form, "address")}
        required
      >
        <Input
          value={draft.address}
          onChange={(event) => form.set("address", event.target.value)}
          onBlur={() => form.left("address")}
          inputMode="url"
          spellCheck={false}
          autoCapitalize="none"
          className="font-mono text-sm"
        />
      </Field>
      <KeyFields form={form} written={provider !== null && isWritten(provider)} />
    </Form>
  );
}

function isWritten(provider: Provider): boolean {
  return typeof provider.key === "object" && "written" in provider.key;
}

function KeyFields({ form, written }: { form: FormState<ProviderDraft>; written: boolean }) {
  const { draft } = form;
  const [shown, setShown] = useState(false);
  const choices = KEY_CHOICES.filter((choice) => choice !== "keep" || written);
  return (
    <div className="flex flex-col gap-3">
      <Choice
        legend={words.key}
        columns={2}
        value={draft.key}
        error={errorAt(form, "key")}
        onChange={(key) => form.set("key", key)}
        options={choices.map((choice) => ({ value: choice, ...words.keys[choice] }))}
      />
      {draft.key === "env" && (
        <Field label={words.variable} error={errorAt(form, "variable")} required>
          <Input
            value={draft.variable}
            onChange={(event) => form.set("variable", event.target.value)}
            onBlur={() => form.left("variable")}
            spellCheck={false}
            autoCapitalize="none"
            className="font-mono text-sm"
          />
        </Field>
      )}
      {draft.key === "file" && (
        <Field label={words.file} error={errorAt(form, "file")} required>
          <Input
            value={draft.file}
            onChange={(event) => form.set("file", event.target.value)}
            onBlur={() => form.left("file")}
            spellCheck={false}
            autoCapitalize="none"
            className="font-mono text-sm"
          />
        </Field>
      )}
      {draft.key === "write" && (
        <div className="flex items-start gap-2">
          <Field
            label={words.secret}
            hint={words.secretHint}
            error={errorAt(form, "secret")}
            required
            className="flex-1"
          >
            <Input
              type={shown ? "text" : "password"}
              value={draft.secret}
              onChange={(event) => form.set("secret", event.target.value)}
              onBlur={() => form.left("secret")}
              // A password manager would offer to keep it, or fill in a password of ours.
              autoComplete="new-password"
              spellCheck={false}
              className="font-mono text-sm"
            />
          </Field>
          <Button
            className="mt-5.5"
            aria-pressed={shown}
            onClick={() => setShown((before) => !before)}
          >
            {shown ? words.hideSecret : words.showSecret}
          </Button>
        </div>
      )}
    </div>
  );
}
