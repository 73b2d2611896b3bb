import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { keys } from "../api/queries";
import { type Wish, wish } from "../card/once";
import { startRun } from "../card/requests";
import { welcome as words } from "../strings/welcome";
import { Button, Field, FormError, Select } from "../ui";
import type { Checklist, World } from "./checklist";

interface StartStepProps {
  world: Pick<World, "agents">;
  list: Pick<Checklist, "card" | "run">;
  /** What the button says. */
  submit?: string;
}

/** Starts an agent on the card; which one is asked only where there are several. */
export function StartStep({ world, list, submit = words.steps.start.submit }: StartStepProps) {
  const client = useQueryClient();
  const once = useRef<Wish | null>(null);
  const [agent, setAgent] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const card = list.card;
  const chosen = world.agents.find((one) => one.id === agent) ?? world.agents[0];

  async function start() {
    if (card === null || chosen === undefined) return;
    setBusy(true);
    setProblem(null);
    // The run before is part of the wish: starting again is another one.
    once.current = wish(once.current, [card.id, chosen.id, list.run?.id ?? null]);
    try {
      await startRun(card.id, chosen.id, once.current.key);
      await client.invalidateQueries({ queryKey: keys.runs() });
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  }

  return (
    <div className="flex flex-col gap-3">
      <p className="text-muted">{words.steps.start.body}</p>
      {world.agents.length > 1 && chosen !== undefined && (
        <Field label={words.steps.start.agentLabel} className="max-w-xs">
          <Select
            value={chosen.id}
            onValueChange={setAgent}
            options={world.agents.map((one) => ({ value: one.id, label: one.name }))}
          />
        </Field>
      )}
      <FormError problem={problem} />
      <div>
        <Button variant="primary" busy={busy} onClick={start}>
          {submit}
        </Button>
      </div>
    </div>
  );
}
