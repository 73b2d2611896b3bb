import { agentSettings as words } from "../strings/settings";
import { Callout, Field, Input, Select } from "../ui";
import { type AgentDraft, ISOLATIONS, isIsolation, isUnsandboxed } from "./agent-draft";
import { errorAt } from "./form/form";
import type { FormState } from "./form/use-form";

/** How the agent's runs are kept apart, with what follows from it in one sentence. */
export function IsolationField({ form }: { form: FormState<AgentDraft> }) {
  const { draft } = form;
  const loose = isUnsandboxed(draft.isolation);
  return (
    <div className="flex flex-col gap-2">
      <Field label={words.isolation} hint={words.isolations[draft.isolation].body}>
        <Select
          value={draft.isolation}
          onValueChange={(name) => isIsolation(name) && form.set("isolation", name)}
          options={ISOLATIONS.map((isolation) => ({
            value: isolation,
            label: words.isolations[isolation].title,
          }))}
        />
      </Field>
      {loose && (
        <div role="status">
          <Callout tone="warn" title={words.unsandboxedTitle}>
            {words.unsandboxedBody}
          </Callout>
        </div>
      )}
      {draft.isolation === "container" && (
        <Field label={words.image} hint={words.imageHint} error={errorAt(form, "image")}>
          <Input
            value={draft.image}
            onChange={(event) => form.set("image", event.target.value)}
            onBlur={() => form.left("image")}
            spellCheck={false}
            dir="ltr"
            className="font-mono"
          />
        </Field>
      )}
    </div>
  );
}
