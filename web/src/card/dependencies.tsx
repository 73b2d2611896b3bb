import { useQuery, useQueryClient } from "@tanstack/react-query";
import { CircleCheck, CircleDashed, Plus, X } from "lucide-react";
import { useRef, useState } from "react";
import { type Card, useMay } from "../api";
import { queries } from "../api/queries";
import { putCard, useCards } from "../board/use-cards";
import { truncate } from "../lib/text";
import { card as say } from "../strings/card";
import { Button, FormError, IconButton, Link, StateBadge } from "../ui";
import { dependents } from "./depends";
import { DependsPicker } from "./depends-picker";
import { setDepends } from "./requests";
import { Section } from "./section";

/** What must land first, and what waits for this one. */
export function Dependencies({ card }: { card: Card }) {
  const client = useQueryClient();
  const cards = useCards(card.project).data ?? [];
  const [adding, setAdding] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const needed = dependents(cards, card.id);

  async function change(depends: string[]) {
    if (busy) return;
    setBusy(true);
    setProblem(null);
    try {
      putCard(client, await setDepends(card.id, depends));
      // What had the focus is about to go.
      button.current?.focus();
      setAdding(false);
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  }

  const may = useMay();
  const fixed = card.archived_at !== null || !may("card.edit");
  return (
    <Section
      title={say.depends.title}
      action={
        fixed ? undefined : (
          <Button
            ref={button}
            size="sm"
            variant="ghost"
            aria-expanded={adding}
            icon={<Plus aria-hidden />}
            onClick={() => setAdding(!adding)}
          >
            {say.depends.add}
          </Button>
        )
      }
    >
      {card.depends.length === 0 && !adding && (
        <p className="text-sm text-faint">{say.depends.none}</p>
      )}
      <ul className="flex flex-col" aria-busy={busy}>
        {card.depends.map((id) => (
          <Dependency
            key={id}
            id={id}
            known={cards.find((other) => other.id === id)}
            unmet={card.unmet.includes(id)}
            onRemove={
              fixed ? null : () => void change(card.depends.filter((other) => other !== id))
            }
          />
        ))}
      </ul>
      {adding && (
        <DependsPicker
          autoFocus
          cards={cards}
          self={card.id}
          depends={card.depends}
          onPick={(id) => void change([...card.depends, id])}
        />
      )}
      <FormError problem={problem} />
      {needed.length > 0 && (
        <>
          <h4 className="text-xs font-medium text-muted">{say.depends.needed}</h4>
          <ul className="flex flex-col">
            {needed.map((other) => (
              <li key={other.id} className="flex min-h-8 items-center gap-2">
                <CardLink card={other} />
                {other.run_state && <StateBadge state={other.run_state} />}
              </li>
            ))}
          </ul>
        </>
      )}
    </Section>
  );
}

function Dependency(props: {
  id: string;
  known: Card | undefined;
  unmet: boolean;
  onRemove: (() => void) | null;
}) {
  const { id, known, unmet, onRemove } = props;
  // An archived card is on no board, and can still be depended on.
  const asked = useQuery({ ...queries.card(id), enabled: known === undefined });
  const card = known ?? asked.data;
  const title = card ? truncate(card.title, 80) : say.depends.unknown;
  const Icon = unmet ? CircleDashed : CircleCheck;
  return (
    <li className="flex min-h-8 items-center gap-2">
      <span title={unmet ? say.depends.notLanded : say.depends.landed}>
        <Icon aria-hidden className={unmet ? "size-4 text-warn-ink" : "size-4 text-ok-ink"} />
        <span className="sr-only">{unmet ? say.depends.notLanded : say.depends.landed}</span>
      </span>
      {card ? <CardLink card={card} /> : <span className="min-w-0 flex-1 text-faint">{title}</span>}
      {card && <span className="shrink-0 text-xs text-faint">{card.lane}</span>}
      {card?.run_state && unmet && <StateBadge state={card.run_state} />}
      {onRemove && (
        <IconButton size="sm" label={say.depends.remove(title)} onClick={onRemove}>
          <X aria-hidden />
        </IconButton>
      )}
    </li>
  );
}

function CardLink({ card }: { card: Card }) {
  return (
    <Link
      to="."
      search={(old) => ({ ...old, card: card.id })}
      preload={false}
      resetScroll={false}
      dir="auto"
      className="min-w-0 flex-1 truncate text-start"
    >
      {truncate(card.title, 200)}
    </Link>
  );
}
