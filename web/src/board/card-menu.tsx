import { Archive, ArchiveRestore, EllipsisVertical, ExternalLink, Link2, Play } from "lucide-react";
import { truncate } from "../lib/text";
import { board as say } from "../strings/board";
import { IconButton, Menu, type MenuItem } from "../ui";
import { type Card, LANES, type Lane } from "./lanes";

export interface CardActions {
  open: (id: string) => void;
  copyLink: (id: string) => void;
  /** Null, here and below, where this person may not. */
  edit: ((id: string) => void) | null;
  start: ((id: string) => void) | null;
  /** To the end of a lane; to its top with `top`. */
  moveTo: ((id: string, lane: Lane, top?: boolean) => void) | null;
  archive: ((id: string) => void) | null;
  restore: ((id: string) => void) | null;
}

/** Everything that can be done to a card from the board; where the pointer cannot drag, this moves it too. */
export function CardMenu({
  card,
  actions,
  tabIndex,
}: {
  card: Card;
  actions: CardActions;
  tabIndex: number;
}) {
  return (
    <div className="absolute top-1 right-1" data-no-drag>
      <Menu
        trigger={
          <IconButton
            size="sm"
            tabIndex={tabIndex}
            data-card-menu
            label={say.card.menu(truncate(card.title, 80))}
            className="size-6 text-faint opacity-0 group-focus-within:opacity-100 group-hover:opacity-100 data-[state=open]:opacity-100 pointer-coarse:opacity-100"
          >
            <EllipsisVertical aria-hidden />
          </IconButton>
        }
        items={items(card, actions)}
      />
    </div>
  );
}

/** What nobody may is left out, with the line that would part it from the rest. */
function items(card: Card, actions: CardActions): MenuItem[] {
  const { start, moveTo, archive, restore } = actions;
  const open: MenuItem = {
    label: say.card.open,
    keys: card.archived_at === null ? "enter" : undefined,
    icon: <ExternalLink aria-hidden />,
    onSelect: () => actions.open(card.id),
  };
  if (card.archived_at !== null) {
    if (restore === null) return [open];
    const icon = <ArchiveRestore aria-hidden />;
    return [open, { label: say.card.restore, icon, onSelect: () => restore(card.id) }];
  }
  const all: MenuItem[] = [open];
  if (start !== null) {
    const icon = <Play aria-hidden />;
    all.push({ label: say.card.start, keys: "s", icon, onSelect: () => start(card.id) });
  }
  all.push({
    label: say.card.copyLink,
    icon: <Link2 aria-hidden />,
    onSelect: () => actions.copyLink(card.id),
  });
  if (moveTo !== null) {
    all.push(
      "separator",
      { heading: say.card.moveTo },
      ...LANES.map((lane) => ({
        label: lane,
        checked: lane === card.lane,
        disabled: lane === card.lane,
        onSelect: () => moveTo(card.id, lane),
      })),
      "separator",
      { label: say.card.toTop, onSelect: () => moveTo(card.id, card.lane, true) },
      { label: say.card.toBottom, onSelect: () => moveTo(card.id, card.lane) },
    );
  }
  if (archive !== null) {
    const icon = <Archive aria-hidden />;
    all.push("separator", {
      label: say.card.archive,
      keys: "#",
      icon,
      onSelect: () => archive(card.id),
    });
  }
  return all;
}
