import { lazy, Suspense, useEffect } from "react";
import { board as say } from "../strings/board";
import { card as words } from "../strings/card";
import { toast } from "../ui";
import { type Board, LANES, type Lane } from "./lanes";
import { NEW } from "./search-params";
import type { useBoard } from "./use-board";
import type { OpenCard } from "./use-open-card";

// The board is seen first; what opens over it may come a moment later.
const loadCard = async () => ({ default: (await import("../card/card-drawer")).CardDrawer });
const loadNewCard = async () => ({
  default: (await import("../card/new-card-dialog")).NewCardDialog,
});
const CardDrawer = lazy(loadCard);
const NewCardDialog = lazy(loadNewCard);

/** After the board has settled, in milliseconds. */
const EARLY_MS = 1_500;

/** Fetches what opens over the board before it is needed: a server that goes away then takes nothing. */
function useEarly() {
  useEffect(() => {
    const timer = setTimeout(() => {
      // Whether it comes is seen when it is needed.
      Promise.all([loadCard(), loadNewCard()]).catch(() => undefined);
    }, EARLY_MS);
    return () => clearTimeout(timer);
  }, []);
}

interface Props {
  project: string;
  board: Board;
  card: OpenCard;
  lane: Lane;
  seed: { title: string; body: string } | null;
  /** Whether this person adds cards. */
  adds: boolean;
  apply: ReturnType<typeof useBoard>["apply"];
}

/** What opens over the board: a card, or a card that is being written. */
export function Drawers({ project, board, card, lane, seed, adds, apply }: Props) {
  useEarly();
  if (card.id === null || (card.id === NEW && !adds)) return null;
  return (
    <Suspense>
      {card.id === NEW ? (
        <NewCardDialog
          project={project}
          lane={lane}
          seed={seed}
          onClose={card.close}
          onAdded={(added, started) => {
            card.close();
            toast.show({
              title: words.add.addedTo(added.lane, started),
              tone: "ok",
              action: { label: words.add.open, onSelect: () => card.open(added.id, null) },
            });
          }}
        />
      ) : (
        <CardDrawer
          id={card.id}
          intent={card.intent}
          known={LANES.flatMap((name) => board[name]).find((one) => one.id === card.id)}
          onClose={card.close}
          onMove={(one, to) => {
            const place = { lane: to, before: null };
            void apply([{ kind: "move", card: one.id, place, from: one.lane }], say.moved(to));
          }}
          onArchive={(one) => {
            card.close();
            void apply([{ kind: "archive", card: one.id }], say.archived);
          }}
          onRestore={(one) => void apply([{ kind: "restore", card: one.id }], say.restored)}
        />
      )}
    </Suspense>
  );
}
