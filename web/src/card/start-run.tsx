import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Play } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import type { Agent, Card } from "../api";
import { keys, queries } from "../api/queries";
import { card as say } from "../strings/card";
import {
  Button,
  ButtonLink,
  Callout,
  ErrorState,
  Field,
  FormError,
  Kbd,
  Link,
  Select,
  Skeleton,
  toast,
} from "../ui";
import { lastAgent, rememberAgent } from "./last-agent";
import { type Wish, wish } from "./once";
import { startRun } from "./requests";
import { type Hindrance, hindrance, preselect } from "./start";

/** The choice of an agent, what keeps it from starting now, and the button. Ctrl+Enter anywhere in the drawer starts. */
export function StartRun({ card, wanted }: { card: Card; wanted: boolean }) {
  const agents = useQuery(queries.agents());
  if (agents.isPending) return <Skeleton className="h-16" />;
  if (!agents.data)
    return <ErrorState problem={agents.error} retry={() => void agents.refetch()} />;
  if (agents.data.length === 0) return <NoAgent />;
  return <Form card={card} agents={agents.data} wanted={wanted} />;
}

function NoAgent() {
  return (
    <Callout
      tone="info"
      title={say.start.noAgentTitle}
      action={
        <ButtonLink to="/settings/agents" size="sm">
          {say.start.addAgent}
        </ButtonLink>
      }
    >
      {say.start.noAgentBody}
    </Callout>
  );
}

function Form({ card, agents, wanted }: { card: Card; agents: Agent[]; wanted: boolean }) {
  const runners = useQuery(queries.runners());
  const [chosen, setChosen] = useState(() => preselect(agents, lastAgent(card.project)));
  const agent = agents.find((one) => one.id === chosen) ?? null;
  const stop = hindrance(agents, runners.data ?? null, agent, card.unmet.length);
  const { start, busy, problem } = useStart(card, agent);
  const button = useRef<HTMLButtonElement>(null);
  const select = useRef<HTMLSelectElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only when the person came here to start; a choice made here must not take the focus.
  useEffect(() => {
    if (wanted) (chosen === null ? select : button).current?.focus();
  }, [wanted]);
  useStartKey(start);
  return (
    <div className="flex flex-col gap-2">
      <div className="flex flex-wrap items-end gap-2">
        <Field label={say.start.agent} className="min-w-40 flex-1">
          <Select
            ref={select}
            value={chosen ?? ""}
            onValueChange={setChosen}
            placeholder={say.start.choose}
            options={agents.map((one) => ({ value: one.id, label: one.name }))}
          />
        </Field>
        <Button
          ref={button}
          variant="primary"
          busy={busy}
          disabled={agent === null}
          title={agent === null ? say.start.chooseFirst : undefined}
          icon={<Play aria-hidden />}
          onClick={start}
        >
          {say.start.go}
          <Kbd keys="mod+enter" inverse className="max-md:hidden" />
        </Button>
      </div>
      {stop && <Why stop={stop} />}
      <FormError problem={problem} />
    </div>
  );
}

function useStart(card: Card, agent: Agent | null) {
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const kept = useRef<Wish | null>(null);
  async function start() {
    if (!agent || busy) return;
    setBusy(true);
    setProblem(null);
    // Another run of the same card is another wish; a second try for this one is not.
    kept.current = wish(kept.current, { card: card.id, agent: agent.id, after: card.run });
    try {
      const run = await startRun(card.id, agent.id, kept.current.key);
      rememberAgent(card.project, agent.id);
      toast.show({ title: say.start.started, tone: "ok" });
      client.setQueryData(keys.run(run.id), run);
      await Promise.all([
        client.invalidateQueries({ queryKey: keys.card(card.id) }),
        client.invalidateQueries({ queryKey: keys.cards(card.project) }),
        client.invalidateQueries({ queryKey: keys.runs() }),
        client.invalidateQueries({ queryKey: keys.cardHistory(card.id) }),
      ]);
    } catch (error) {
      setProblem(error);
      // A run that someone else has started is the usual reason, and is shown in place of this form.
      void client.invalidateQueries({ queryKey: keys.card(card.id) });
    } finally {
      setBusy(false);
    }
  }
  return { start: () => void start(), busy, problem };
}

/** Fields that use Ctrl+Enter themselves stop it before it comes here. */
function useStartKey(start: () => void) {
  const latest = useRef(start);
  latest.current = start;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const modified = event.ctrlKey || event.metaKey;
      if (event.key !== "Enter" || !modified || event.defaultPrevented || event.repeat) return;
      // Over the drawer lies a question, and the key is its own.
      if (document.querySelectorAll("[role=dialog],[role=alertdialog]").length > 1) return;
      event.preventDefault();
      latest.current();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
}

function Why({ stop }: { stop: Hindrance }) {
  switch (stop.kind) {
    case "no_agent":
      return <NoAgent />;
    case "no_runner":
      return (
        <Callout tone="warn" action={<Link to="/runners">{say.start.seeRunners}</Link>}>
          {say.start.noRunner}
        </Callout>
      );
    case "no_runner_with_label":
      return (
        <Callout tone="warn" action={<Link to="/runners">{say.start.seeRunners}</Link>}>
          {say.start.noLabels(stop.labels.join(", "))}
        </Callout>
      );
    case "dependency_unmet":
      return <Callout tone="warn">{say.start.unmet(stop.count)}</Callout>;
    case "runners_busy":
      return <Callout tone="neutral">{say.start.busy}</Callout>;
  }
}
