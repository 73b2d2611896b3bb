import { Plus } from "lucide-react";
import { useMemo, useState } from "react";
import type { Card } from "../api";
import { truncate } from "../lib/text";
import { card as say } from "../strings/card";
import { Field, Input, StateBadge } from "../ui";
import { CHOICES_MAX, choices } from "./depends";

/** Finds a card to depend on. Enter takes the first one. */
export function DependsPicker({
  cards,
  self,
  depends,
  onPick,
  autoFocus = false,
}: {
  cards: readonly Card[];
  self: string | null;
  depends: readonly string[];
  onPick: (id: string) => void;
  autoFocus?: boolean;
}) {
  const [q, setQ] = useState("");
  const found = useMemo(() => choices(cards, self, depends, q), [cards, self, depends, q]);
  const pick = (id: string) => {
    setQ("");
    onPick(id);
  };
  return (
    <div className="flex flex-col gap-1">
      <Field label={say.depends.search} labelHidden>
        <Input
          autoFocus={autoFocus}
          dir="auto"
          value={q}
          placeholder={say.depends.placeholder}
          onChange={(event) => setQ(event.target.value)}
          onKeyDown={(event) => {
            const first = found[0];
            if (event.key !== "Enter" || event.ctrlKey || event.metaKey) return;
            event.preventDefault();
            if (first && q.trim() !== "") pick(first.id);
          }}
        />
      </Field>
      {found.length === 0 ? (
        <p className="px-1 py-2 text-sm text-faint">{say.depends.noChoice}</p>
      ) : (
        <ul className="max-h-56 overflow-y-auto rounded-md border border-line">
          {found.map((card) => (
            <li key={card.id}>
              <button
                type="button"
                onClick={() => pick(card.id)}
                className="flex min-h-8 w-full items-center gap-2 px-2 text-left -outline-offset-2 hover:bg-hover"
              >
                <Plus aria-hidden className="size-4 shrink-0 text-faint" />
                <span dir="auto" className="min-w-0 flex-1 truncate">
                  {truncate(card.title, 200)}
                </span>
                <span className="shrink-0 text-xs text-faint">{card.lane}</span>
                {card.run_state && <StateBadge state={card.run_state} />}
              </button>
            </li>
          ))}
        </ul>
      )}
      {found.length === CHOICES_MAX && <p className="text-xs text-faint">{say.depends.more}</p>}
    </div>
  );
}
