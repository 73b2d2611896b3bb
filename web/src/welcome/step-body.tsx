import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { keys, queries } from "../api/queries";
import { AddRunner } from "../runners/add-runner";
import { AgentForm } from "../settings/agent-form";
import { FormSkeleton } from "../settings/form/form-skeleton";
import { Unsaved } from "../settings/form/unsaved";
import { NewProjectForm } from "../settings/project-form";
import { ProviderDialog } from "../settings/provider-dialog";
import { welcome as words } from "../strings/welcome";
import { Button, CodeBlock, ErrorState, Spinner } from "../ui";
import type { Checklist, StepId, World } from "./checklist";
import { FirstCard } from "./first-card";
import { ReviewStep } from "./review-step";
import { StartStep } from "./start-step";

interface StepBodyProps {
  id: StepId;
  world: World;
  list: Checklist;
}

/** What to do in the present step, without leaving the page where that is possible. */
export function StepBody({ id, world, list }: StepBodyProps) {
  switch (id) {
    case "runner":
      return <RunnerStep />;
    case "project":
      return <ProjectStep />;
    case "agent":
      return <AgentStep />;
    case "card":
      return <FirstCard project={world.projects.at(-1)?.id ?? ""} />;
    case "start":
      return <StartStep world={world} list={list} />;
    case "review":
      return <ReviewStep list={list} />;
    case "landed":
      return <Waiting text={words.steps.landed.landing} />;
  }
}

export function Waiting({ text }: { text: string }) {
  return (
    <p role="status" className="flex items-center gap-2 text-muted">
      <Spinner label={null} />
      {text}
    </p>
  );
}

function RunnerStep() {
  const [adding, setAdding] = useState(false);
  const { data } = useQuery(queries.runners());
  const text = words.steps.runner;
  return (
    <div className="flex flex-col gap-3">
      <p className="text-muted">{text.body}</p>
      <CodeBlock text={text.command} label={text.title} />
      <div className="flex flex-wrap items-center gap-2">
        <span className="text-muted">{text.alternative}</span>
        <Button onClick={() => setAdding(true)}>{text.add}</Button>
      </div>
      <Waiting text={text.waiting} />
      {adding && <AddRunner known={data ?? []} onClose={() => setAdding(false)} />}
    </div>
  );
}

function ProjectStep() {
  const client = useQueryClient();
  const [dirty, setDirty] = useState(false);
  return (
    <div className="flex flex-col gap-3">
      <p className="text-muted">{words.steps.project.body}</p>
      <Unsaved dirty={dirty} />
      <NewProjectForm
        onChanged={setDirty}
        onAdded={() => client.invalidateQueries({ queryKey: keys.projects })}
      />
    </div>
  );
}

function AgentStep() {
  const client = useQueryClient();
  const providers = useQuery(queries.providers());
  const runners = useQuery(queries.runners());
  const [adding, setAdding] = useState(false);
  const [dirty, setDirty] = useState(false);
  if (providers.data === undefined) {
    return providers.isError ? (
      <ErrorState problem={providers.error} retry={() => providers.refetch()} />
    ) : (
      <FormSkeleton fields={3} />
    );
  }
  return (
    <div className="flex flex-col gap-3">
      <p className="text-muted">{words.steps.agent.body}</p>
      <Unsaved dirty={dirty} />
      <AgentForm
        agent={null}
        onChanged={setDirty}
        providers={providers.data}
        runners={runners.data ?? []}
        onAddProvider={() => setAdding(true)}
        onSaved={() => client.invalidateQueries({ queryKey: keys.agents })}
      />
      {adding && <ProviderDialog provider={null} onClose={() => setAdding(false)} />}
    </div>
  );
}
