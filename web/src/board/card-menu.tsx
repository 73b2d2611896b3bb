import { Archive, ArchiveRestore, EllipsisVertical, ExternalLink, Link2, Play } from "lucide-react";
import { truncate } from "../lib/text";
import { board as say } from "../strings/board";
import { IconButton, Menu, type MenuItem } from "../ui";
import { type Card, LANES, type Lane } from "./lanes";

export interface CardActions {
  open: (id: string) => void;
  edit: (id: string) => void;
  start: (id: string) => void;
  /** To the end of a lane; to its top with `top`. */
  moveTo: (id: string, lane: Lane, top?: boolean) => void;
  archive: (id: string) => void;
  restore: (id: string) => void;
  copyLink: (id: string) => void;
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

function items(card: Card, actions: CardActions): MenuItem[] {
  if (card.archived_at !== null) {
    return [
      {
        label: say.card.open,
        icon: <ExternalLink aria-hidden />,
        onSelect: () => actions.open(card.id),
      },
      {
        label: say.card.restore,
        icon: <ArchiveRestore aria-hidden />,
        onSelect: () => actions.restore(card.id),
      },
    ];
  }
  return [
    {
      label: say.card.open,
      keys: "enter",
      icon: <ExternalLink aria-hidden />,
      onSelect: () => actions.open(card.id),
    },
    {
      label: say.card.start,
      keys: "s",
      icon: <Play aria-hidden />,
      onSelect: () => actions.start(card.id),
    },
    {
      label: say.card.copyLink,
      icon: <Link2 aria-hidden />,
      onSelect: () => actions.copyLink(card.id),
    },
    "separator",
    { heading: say.card.moveTo },
    ...LANES.map((lane) => ({
      label: lane,
      checked: lane === card.lane,
      disabled: lane === card.lane,
      onSelect: () => actions.moveTo(card.id, lane),
    })),
    "separator",
    { label: say.card.toTop, onSelect: () => actions.moveTo(card.id, card.lane, true) },
    { label: say.card.toBottom, onSelect: () => actions.moveTo(card.id, card.lane) },
    "separator",
    {
      label: say.card.archive,
      keys: "#",
      icon: <Archive aria-hidden />,
      onSelect: () => actions.archive(card.id),
    },
  ];
}
