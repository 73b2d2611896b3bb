import { useEffect, useRef, useState } from "react";
import { type Agent, isProblem, type Provider, type Runner } from "../api";
import { settings, agentSettings as words } from "../strings/settings";
import { Button, Callout, Field, Input, Select, Textarea } from "../ui";
import {
  type AgentDraft,
  type AgentField,
  agentBody,
  agentDraft,
  agentFaults,
  emptyAgent,
} from "./agent-draft";
import { AGENT_KINDS, kindOf, withAgentKind } from "./agent-kind";
import { addAgent, lookAtAgent, replaceAgent } from "./calls";
import { CommandField } from "./command-field";
import { sentences } from "./faults";
import { Choice } from "./form/choice";
import { errorAt, Form } from "./form/form";
import { MeanwhileDialog } from "./form/meanwhile";
import { useEdited } from "./form/use-edited";
import type { FormState } from "./form/use-form";
import { IsolationField } from "./isolation-field";
import { isDriver, kindsFor } from "./presets";
import { readLabels } from "./rules";

const NAMES: Record<AgentField, string> = {
  name: words.name,
  driver: words.driver,
  preset: words.which,
  provider: words.provider,
  command: words.command,
  labels: words.labels,
  paths: words.paths,
  timeout: words.timeout,
  stall: words.stall,
  isolation: words.isolation,
  image: words.image,
  limits: words.limitsSet,
  tools: words.tools,
  repositorySettings: words.repositorySettings,
};

function fieldOf(problem: unknown): AgentField | null {
  if (isProblem(problem, "exists")) return "name";
  // The agent itself may be gone as well; that is nothing a field could mend.
  const gone = isProblem(problem, "not_found") && problem.problem.detail.includes("provider");
  return gone ? "provider" : null;
}

interface AgentFormProps {
  /** The agent that is changed; null for a new one. */
  agent: Agent | null;
  providers: readonly Provider[];
  runners: readonly Runner[];
  onSaved: (agent: Agent) => void;
  onChanged?: (dirty: boolean) => void;
  onCancel?: () => void;
  /** Opens the form of a provider; the draft stays. */
  onAddProvider?: () => void;
}

export function AgentForm({
  agent,
  providers,
  runners,
  onSaved,
  onChanged,
  onCancel,
  onAddProvider,
}: AgentFormProps) {
  const [chosen, setChosen] = useState(agent !== null);
  const edited = useEdited<AgentDraft, Agent>({
    seen: agent,
    empty: emptyAgent(),
    draftOf: agentDraft,
    look: () => lookAtAgent(agent?.id ?? ""),
    add: (draft) => addAgent(agentBody(draft)),
    save: (draft, { id }, ifMatch) => replaceAgent(id, agentBody(draft), ifMatch),
    onSaved,
    // The other fields show once it is known which agent: nobody can mend what is not there.
    faults: (draft) =>
      chosen ? sentences<AgentField>(agentFaults(draft, providers)) : { preset: words.whichEmpty },
    fieldOf,
  });
  const { form } = edited;
  const { draft } = form;
  useEffect(() => onChanged?.(form.dirty), [form.dirty, onChanged]);
  useNewProvider(form, providers);
  return (
    <Form
      form={form}
      names={NAMES}
      submit={agent === null ? words.submit : settings.save}
      actions={onCancel && <Button onClick={onCancel}>{settings.cancel}</Button>}
    >
      <MeanwhileDialog edited={edited} names={NAMES} />
      <Choice
        legend={words.which}
        columns={2}
        error={errorAt(form, "preset")}
        value={chosen ? kindOf(draft) : null}
        onChange={(kind) => {
          setChosen(true);
          form.change(withAgentKind(draft, kind, providers));
        }}
        options={AGENT_KINDS.map((kind) => ({
          value: kind,
          title: words.presets[kind].title,
          body: words.presets[kind].needs,
        }))}
      />
      {chosen && (
        <>
          <Basics form={form} providers={providers} onAddProvider={onAddProvider} />
          <CommandField
            driver={draft.driver}
            preset={draft.preset === "" ? null : draft.preset}
            value={draft.command}
            error={errorAt(form, "command")}
            onChange={(command) => form.set("command", command)}
            onLeave={() => form.left("command")}
          />
          <IsolationField form={form} />
          <Limits form={form} runners={runners} />
        </>
      )}
    </Form>
  );
}

/** Whoever adds a provider from here wants it for this agent. */
function useNewProvider(form: FormState<AgentDraft>, providers: readonly Provider[]) {
  const known = useRef(providers);
  const { draft, set } = form;
  useEffect(() => {
    const added = providers.find((one) => !known.current.some((old) => old.id === one.id));
    known.current = providers;
    if (added === undefined || draft.provider !== "") return;
    const kinds = kindsFor(draft.driver, draft.preset === "" ? null : draft.preset);
    if ((kinds as readonly string[] | null)?.includes(added.kind)) set("provider", added.name);
  }, [providers, draft, set]);
}

interface PartProps {
  form: FormState<AgentDraft>;
}

function Basics({
  form,
  providers,
  onAddProvider,
}: PartProps & { providers: readonly Provider[]; onAddProvider?: () => void }) {
  const { draft } = form;
  return (
    <>
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label={words.name} hint={words.nameHint} error={errorAt(form, "name")} required>
          <Input
            value={draft.name}
            onChange={(event) => form.set("name", event.target.value)}
            onBlur={() => form.left("name")}
            spellCheck={false}
          />
        </Field>
        {draft.preset !== "" && (
          <Field label={words.driver} hint={words.driverHint}>
            <Select
              value={draft.driver}
              onValueChange={(driver) => isDriver(driver) && form.set("driver", driver)}
              options={[
                { value: "acp", label: words.drivers.acp },
                { value: "command", label: words.drivers.command },
              ]}
            />
          </Field>
        )}
      </div>
      <ProviderField form={form} providers={providers} onAddProvider={onAddProvider} />
    </>
  );
}

function ProviderField({
  form,
  providers,
  onAddProvider,
}: PartProps & { providers: readonly Provider[]; onAddProvider?: () => void }) {
  const { draft } = form;
  const kinds = kindsFor(draft.driver, draft.preset === "" ? null : draft.preset);
  const fits = (provider: Provider) =>
    kinds === null || (kinds as readonly string[]).includes(provider.kind);
  const none = draft.driver !== "builtin" || draft.provider === "";
  const missing = kinds !== null && kinds.length > 0 && !providers.some(fits);
  return (
    <div className="flex flex-col gap-2">
      <Field
        label={words.provider}
        hint={words.providerHint}
        error={errorAt(form, "provider")}
        required={draft.driver === "builtin"}
      >
        <Select
          value={draft.provider}
          onValueChange={(provider) => form.set("provider", provider)}
          options={[
            ...(none ? [{ value: "", label: words.providerNone }] : []),
            ...providers.map((provider) => ({
              value: provider.name,
              label: fits(provider)
                ? provider.name
                : words.providerUnfit(provider.name, provider.kind),
            })),
          ]}
        />
      </Field>
      {draft.provider === "" && kinds !== null && kinds.length > 0 && (
        <Callout
          tone="warn"
          title={missing ? words.providerMissing : undefined}
          action={
            onAddProvider && (
              <Button size="sm" onClick={onAddProvider}>
                {words.providerAdd}
              </Button>
            )
          }
        >
          {words.providerNeeded}
        </Callout>
      )}
    </div>
  );
}

function Limits({ form, runners }: PartProps & { runners: readonly Runner[] }) {
  const { draft } = form;
  const wrong = (["timeout", "stall", "labels", "paths"] as const).some(
    (field) => form.fault(field) !== undefined,
  );
  const filled = draft.labels !== "" || draft.paths !== "";
  const [open, setOpen] = useState(filled);
  return (
    <details
      // A fault inside must not be hidden by a closed lid.
      open={open || wrong}
      onToggle={(event) => setOpen(event.currentTarget.open)}
      className="rounded-md border border-line px-3 py-2"
    >
      <summary className="cursor-pointer font-medium text-sm">{words.more}</summary>
      <div className="grid gap-4 pt-3 sm:grid-cols-2">
        <Field label={words.timeout} hint={words.timeoutHint} error={errorAt(form, "timeout")}>
          <Input
            value={draft.timeout}
            onChange={(event) => form.set("timeout", event.target.value)}
            onBlur={() => form.left("timeout")}
          />
        </Field>
        <Field label={words.stall} hint={words.stallHint} error={errorAt(form, "stall")}>
          <Input
            value={draft.stall}
            onChange={(event) => form.set("stall", event.target.value)}
            onBlur={() => form.left("stall")}
          />
        </Field>
        <div className="flex flex-col gap-2">
          <Field label={words.labels} hint={words.labelsHint} error={errorAt(form, "labels")}>
            <Textarea
              value={draft.labels}
              rows={2}
              onChange={(event) => form.set("labels", event.target.value)}
              onBlur={() => form.left("labels")}
              spellCheck={false}
              dir="ltr"
              className="font-mono text-sm"
            />
          </Field>
          <Nobody labels={draft.labels} runners={runners} />
        </div>
        <Field label={words.paths} hint={words.pathsHint} error={errorAt(form, "paths")}>
          <Textarea
            value={draft.paths}
            rows={2}
            onChange={(event) => form.set("paths", event.target.value)}
            onBlur={() => form.left("paths")}
            spellCheck={false}
            dir="ltr"
            className="font-mono text-sm"
          />
        </Field>
      </div>
    </details>
  );
}

/** Says before the first run waits that no runner has these labels. */
function Nobody({ labels, runners }: { labels: string; runners: readonly Runner[] }) {
  const read = readLabels(labels);
  if ("fault" in read) return null;
  const wanted = Object.entries(read.labels);
  if (wanted.length === 0) return null;
  const offered = runners.some(
    (runner) =>
      runner.state !== "offline" && wanted.every(([key, value]) => runner.labels[key] === value),
  );
  if (offered) return null;
  const text = wanted.map(([key, value]) => `${key}=${value}`).join(", ");
  return <Callout tone="warn">{words.labelsNobody(text)}</Callout>;
}
