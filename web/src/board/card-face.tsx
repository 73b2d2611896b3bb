import { Bot, CircleCheck, Eye, Link2, Lock } from "lucide-react";
import type { ReactNode, Ref } from "react";
import { truncate } from "../lib/text";
import { board as say } from "../strings/board";
import { cn, Duration, StateBadge, Time } from "../ui";
import type { Card } from "./lanes";
import { CARD_REM } from "./metrics";
import { isWorking, waits } from "./state";

/** Two lines hold less; the browser need not lay out ten thousand letters for each card of a lane. */
const TITLE_SHOWN = 300;

export interface CardFaceProps {
  card: Card;
  /** Since when the latest run is at work, when it is. */
  since?: string | null;
  selected?: boolean;
  lifted?: boolean;
  /** Stands where it was, while its picture follows the pointer. */
  ghost?: boolean;
  /** The title, as a link to the card; the text alone in the picture that follows the pointer. */
  title?: ReactNode;
  menu?: ReactNode;
  /** Names the line below the title, for whoever describes the card by it. */
  factsId?: string;
  ref?: Ref<HTMLDivElement>;
}

/** What a card shows on the board. */
export function CardFace(props: CardFaceProps) {
  const { card, since, selected, lifted, ghost, title, menu, factsId, ref } = props;
  return (
    <div
      ref={ref}
      data-card={card.id}
      data-lifted={lifted || undefined}
      style={{ height: `${CARD_REM}rem` }}
      className={cn(
        "group relative flex flex-col justify-between gap-1 overflow-hidden rounded-md border border-line bg-raised px-2.5 py-2 shadow-raised select-none hover:border-strong has-[[data-card-link]:focus-visible]:outline-2 has-[[data-card-link]:focus-visible]:outline-offset-1 has-[[data-card-link]:focus-visible]:outline-accent-ink",
        waits(card) && "border-l-2 border-l-accent",
        selected && "border-accent bg-accent-soft hover:border-accent",
        lifted && "border-accent shadow-floating",
        ghost && "border-dashed opacity-50 shadow-none",
      )}
    >
      <div
        dir="auto"
        className="line-clamp-2 pr-5 text-base break-words text-ink"
        title={tip(card)}
      >
        {title ?? cardTitle(card)}
      </div>
      <Facts id={factsId} card={card} since={since ?? null} />
      {menu}
    </div>
  );
}

export function cardTitle(card: Card): string {
  return truncate(card.title, TITLE_SHOWN);
}

/** A browser's own tooltip, for titles that two lines may not hold. */
function tip(card: Card): string | undefined {
  return card.title.length > 40 ? truncate(card.title, 1_000) : undefined;
}

function Facts({ id, card, since }: { id?: string; card: Card; since: string | null }) {
  return (
    <div
      id={id} // What does not fit wraps below the edge: a name is seen whole or not at all.
      className="flex h-5 min-w-0 flex-wrap items-center gap-x-2 overflow-hidden text-xs text-muted"
    >
      <State card={card} since={since} />
      <span className="min-w-0 grow" />
      <Depends card={card} />
      {card.agent && (
        <span className="flex h-5 items-center gap-1" title={say.card.agent(card.agent)}>
          <Bot aria-hidden className="size-3.5 shrink-0 text-faint" />
          <span className="max-w-24 truncate">{card.agent}</span>
        </span>
      )}
    </div>
  );
}

function State({ card, since }: { card: Card; since: string | null }) {
  if (card.landed && card.run_state === "succeeded") {
    return (
      <span className="flex shrink-0 items-center gap-1 text-ok-ink">
        <CircleCheck aria-hidden className="size-3.5" />
        {say.card.landed}
      </span>
    );
  }
  if (card.run_state === null || card.run_state === undefined) {
    return <Time at={card.updated_at} className="shrink-0 text-faint" />;
  }
  return (
    <>
      {waits(card) ? (
        <span className="flex h-5 shrink-0 items-center gap-1 rounded-sm bg-accent-soft px-1.5 font-medium text-accent-ink">
          <Eye aria-hidden className="size-3.5" />
          {say.card.waits}
        </span>
      ) : (
        <StateBadge state={card.run_state} reason={card.run_reason} />
      )}
      {since !== null && isWorking(card.run_state) && (
        <Duration from={since} className="shrink-0" />
      )}
    </>
  );
}

function Depends({ card }: { card: Card }) {
  const all = card.depends.length;
  if (all === 0) return null;
  const open = card.unmet.length;
  const Icon = open > 0 ? Lock : Link2;
  const words = open > 0 ? say.card.dependsUnmet(open, all) : say.card.dependsMet(all);
  return (
    <span
      title={words}
      className={cn("flex shrink-0 items-center gap-1", open > 0 ? "text-warn-ink" : "text-faint")}
    >
      <Icon aria-hidden className="size-3.5" />
      <span aria-hidden className="tabular-nums">
        {open > 0 ? `${open}/${all}` : all}
      </span>
      <span className="sr-only">{words}</span>
    </span>
  );
}
