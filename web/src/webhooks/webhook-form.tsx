import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useId } from "react";
import { isProblem, type Webhook, type WebhookMade } from "../api";
import { errorAt, Form } from "../settings/form/form";
import { FormDialog } from "../settings/form/form-dialog";
import { MeanwhileDialog } from "../settings/form/meanwhile";
import { useEdited } from "../settings/form/use-edited";
import { settings } from "../strings/settings";
import { events as texts, webhooks } from "../strings/webhooks";
import { Button, Checkbox, Field, Input, toast } from "../ui";
import { addWebhook, editWebhook, lookAtWebhook, webhookKeys } from "./calls";
import {
  draftOf,
  EMPTY,
  EVENTS,
  type Told,
  toggled,
  type WebhookDraft,
  webhookChange,
  webhookFaults,
} from "./draft";

const words = webhooks.form;
const GROUPS = ["run", "card", "member", "runner"] as const;

interface WebhookDialogProps {
  /** The one that is changed; null for a new one. */
  webhook: Webhook | null;
  onMade: (made: WebhookMade) => void;
  onClose: () => void;
}

/** Adds a webhook, or changes one. */
export function WebhookDialog(props: WebhookDialogProps) {
  const title = props.webhook === null ? words.addTitle : words.editTitle;
  return (
    <FormDialog size="lg" title={title} onClose={props.onClose}>
      {(changed) => <Fields {...props} onChanged={changed} />}
    </FormDialog>
  );
}

function Fields({
  webhook,
  onMade,
  onClose,
  onChanged,
}: WebhookDialogProps & { onChanged: (dirty: boolean) => void }) {
  const client = useQueryClient();
  const look = () => void client.invalidateQueries({ queryKey: webhookKeys.all });
  const edited = useEdited<WebhookDraft, Webhook>({
    seen: webhook,
    empty: EMPTY,
    draftOf,
    look: () => lookAtWebhook(webhook?.id ?? ""),
    async add(draft) {
      const made = await addWebhook(draft.address.trim(), [...draft.events]);
      onChanged(false);
      onMade(made);
      return made.about;
    },
    async save(draft, seen, ifMatch) {
      const change = webhookChange(draftOf(seen), draft);
      const saved = change === null ? seen : await editWebhook(seen.id, change, ifMatch);
      if (change !== null) toast.show({ title: words.saved, tone: "ok" });
      onClose();
      return saved;
    },
    onSaved: look,
    faults: webhookFaults,
    // What the form does not find by itself is about where to.
    fieldOf: (problem) => (isProblem(problem, "invalid") ? "address" : null),
  });
  const { form } = edited;
  const { draft } = form;
  useEffect(() => onChanged(form.dirty), [form.dirty, onChanged]);
  const moves = webhook !== null && draft.address.trim() !== webhook.address;
  return (
    <Form
      form={form}
      names={{ address: words.address, events: words.events }}
      submit={webhook === null ? words.submit : settings.save}
      actions={<Button onClick={onClose}>{settings.cancel}</Button>}
    >
      <MeanwhileDialog edited={edited} names={{ address: words.address, events: words.events }} />
      <Field
        label={words.address}
        hint={moves ? words.moved : words.addressHint}
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
      <EventBoxes
        chosen={draft.events}
        error={form.fault("events")}
        onChange={(events) => form.set("events", events)}
      />
    </Form>
  );
}

interface EventBoxesProps {
  chosen: readonly Told[];
  error: string | undefined;
  onChange: (events: Told[]) => void;
}

function EventBoxes({ chosen, error, onChange }: EventBoxesProps) {
  const id = useId();
  const described = `${id}-hint${error ? ` ${id}-error` : ""}`;
  return (
    <fieldset aria-describedby={described} className="min-w-0">
      <legend className="pb-1 font-medium text-ink text-sm">{words.events}</legend>
      <div className="flex flex-wrap items-center gap-2 pb-2">
        <p id={`${id}-hint`} className="min-w-0 flex-1 basis-48 text-faint text-xs">
          {words.eventsHint}
        </p>
        <Button size="sm" onClick={() => onChange([...EVENTS])}>
          {words.all}
        </Button>
        <Button size="sm" onClick={() => onChange([])}>
          {words.none}
        </Button>
      </div>
      <div className="grid gap-4 sm:grid-cols-2">
        {GROUPS.map((group) => (
          <fieldset key={group} className="flex min-w-0 flex-col gap-2">
            <legend className="pb-1 text-muted text-sm">{words.groups[group]}</legend>
            {EVENTS.filter((event) => event.startsWith(`${group}.`)).map((event) => (
              <Checkbox
                key={event}
                label={<span className="font-mono text-sm">{event}</span>}
                hint={texts[event]}
                checked={chosen.includes(event)}
                onCheckedChange={(on) => onChange(toggled(chosen, event, on))}
              />
            ))}
          </fieldset>
        ))}
      </div>
      {error && (
        <p id={`${id}-error`} className="pt-1 text-danger-ink text-sm">
          {error}
        </p>
      )}
    </fieldset>
  );
}
