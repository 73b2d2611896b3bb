import { useQuery, useQueryClient } from "@tanstack/react-query";
import { X } from "lucide-react";
import { type KeyboardEvent, useState } from "react";
import type { Card, Lane } from "../api";
import { queries } from "../api/queries";
import { isLane, LANES } from "../board/lanes";
import { useCards } from "../board/use-cards";
import { truncate } from "../lib/text";
import { card as say } from "../strings/card";
import { Button, Dialog, Field, FormError, IconButton, Kbd, Select, Textarea } from "../ui";
import { addCard } from "./add-card";
import { DependsPicker } from "./depends-picker";
import { BODY_MAX, type Draft, isBlank, titleFault, titleOf } from "./draft";
import { BodyField, titleWords } from "./editor";
import { rememberAgent } from "./last-agent";
import { wish } from "./once";
import { useDraft } from "./use-draft";

export interface NewCardDialogProps {
  project: string;
  /** The lane whose button was pressed. */
  lane: Lane;
  /** What a person takes over from elsewhere: the quick field, an example. */
  seed: { title: string; body: string } | null;
  onClose: () => void;
  onAdded: (card: Card, started: boolean) => void;
}

/** Writes a card in full. What is typed outlives the dialog until it is sent or discarded. */
export function NewCardDialog({ project, lane, seed, onClose, onAdded }: NewCardDialogProps) {
  const client = useQueryClient();
  const { draft: stored, change, clear } = useDraft(project);
  const [seeded, setSeeded] = useState(seed !== null && isBlank(stored));
  const draft = seeded && seed ? { ...stored, ...seed } : stored;
  const set = (patch: Partial<Draft>) => {
    change(seeded && seed ? { ...seed, ...patch } : patch);
    setSeeded(false);
  };
  const [busy, setBusy] = useState(false);
  const [touched, setTouched] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const target = isLane(draft.lane) ? draft.lane : lane;

  async function send() {
    setTouched(true);
    if (busy || titleFault(draft.title) !== null || draft.body.length > BODY_MAX) return;
    const { body, depends, agent } = draft;
    const asked = { project, title: titleOf(draft.title), body, depends };
    const mine = wish(draft.wish, asked);
    set({ wish: mine });
    setBusy(true);
    setProblem(null);
    try {
      const card = await addCard(client, { ...asked, lane: target, agent }, mine.key);
      if (agent) rememberAgent(project, agent);
      clear();
      onAdded(card, Boolean(agent));
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  }

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    event.stopPropagation();
    void send();
  };
  return (
    <Dialog
      open
      size="lg"
      onOpenChange={(open) => open || onClose()}
      title={say.add.title}
      footer={
        <>
          {!isBlank(draft) && (
            <span className="mr-auto flex items-center gap-2 text-xs text-faint">
              {say.add.kept}
              <Button size="sm" variant="ghost" onClick={clear}>
                {say.add.discard}
              </Button>
            </span>
          )}
          <Button variant="primary" busy={busy} onClick={() => void send()}>
            {draft.agent ? say.add.addAndStart : say.add.add}
            <Kbd keys="mod+enter" inverse className="max-md:hidden" />
          </Button>
        </>
      }
    >
      {/* biome-ignore lint/a11y/noStaticElementInteractions: Ctrl+Enter of the fields inside. */}
      <div onKeyDown={onKeyDown} className="flex flex-col gap-4">
        <Field
          label={say.add.titleLabel}
          required
          error={touched || draft.title.length > 400 ? titleWords(draft.title) : null}
        >
          <Textarea
            autoFocus
            rows={1}
            maxRows={6}
            placeholder={say.add.titlePlaceholder}
            value={draft.title}
            onChange={(event) => set({ title: event.target.value.replace(/[\r\n]+/g, " ") })}
          />
        </Field>
        <BodyField value={draft.body} onChange={(body) => set({ body })} />
        <div className="grid gap-3 sm:grid-cols-2">
          <Field label={say.add.lane}>
            <Select
              value={target}
              onValueChange={(name) => set({ lane: name })}
              options={LANES.map((name) => ({ value: name, label: name }))}
            />
          </Field>
          <StartWith agent={draft.agent} onChange={(agent) => set({ agent })} />
        </div>
        <Depends
          project={project}
          depends={draft.depends}
          onChange={(depends) => set({ depends })}
        />
        <FormError problem={problem} />
      </div>
    </Dialog>
  );
}

function StartWith({
  agent,
  onChange,
}: {
  agent: string | null;
  onChange: (agent: string | null) => void;
}) {
  const { data } = useQuery(queries.agents());
  const agents = data ?? [];
  const known = agents.some((one) => one.id === agent);
  return (
    <Field label={say.add.start} hint={data?.length === 0 ? say.start.noAgentTitle : undefined}>
      <Select
        value={known && agent ? agent : "none"}
        disabled={agents.length === 0}
        onValueChange={(value) => onChange(value === "none" ? null : value)}
        options={[
          { value: "none", label: say.add.startNone },
          ...agents.map((one) => ({ value: one.id, label: one.name })),
        ]}
      />
    </Field>
  );
}

function Depends({
  project,
  depends,
  onChange,
}: {
  project: string;
  depends: readonly string[];
  onChange: (depends: string[]) => void;
}) {
  const cards = useCards(project).data ?? [];
  const [adding, setAdding] = useState(false);
  return (
    <div className="flex flex-col gap-1">
      <p className="text-sm font-medium text-ink">{say.depends.title}</p>
      <ul>
        {depends.map((id) => {
          const title = truncate(cards.find((card) => card.id === id)?.title ?? id, 120);
          return (
            <li key={id} className="flex min-h-8 items-center gap-2">
              <span dir="auto" className="min-w-0 flex-1 truncate">
                {title}
              </span>
              <IconButton
                size="sm"
                label={say.depends.remove(title)}
                onClick={() => onChange(depends.filter((other) => other !== id))}
              >
                <X aria-hidden />
              </IconButton>
            </li>
          );
        })}
      </ul>
      {adding ? (
        <DependsPicker
          autoFocus
          cards={cards}
          self={null}
          depends={depends}
          onPick={(id) => onChange([...depends, id])}
        />
      ) : (
        <Button size="sm" className="self-start" onClick={() => setAdding(true)}>
          {say.depends.add}
        </Button>
      )}
    </div>
  );
}
