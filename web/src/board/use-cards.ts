import { type QueryClient, replaceEqualDeep, useQuery } from "@tanstack/react-query";
import type { Card } from "../api";
import { keys, queries } from "../api/queries";
import { type Shelf, withCard, withList } from "./pending";

/** Keeps what is newer than the list, and the very objects of what is as it was, so that nothing is drawn anew for it. */
function share(old: unknown, list: unknown): unknown {
  if (!Array.isArray(old) || !Array.isArray(list)) return list;
  return replaceEqualDeep(old, withList(old as Card[], list as Card[]));
}

/** The cards of a project, live. */
export function useCards(project: string, shelf: Shelf = "board", enabled = true) {
  const query = shelf === "board" ? queries.cards(project) : queries.archived(project);
  return useQuery<Card[]>({
    queryKey: query.queryKey as readonly unknown[],
    queryFn: query.queryFn as never,
    structuralSharing: share,
    enabled,
  });
}

/** Puts a card that the server has answered with everywhere where the page shows it. */
export function putCard(client: QueryClient, card: Card): void {
  client.setQueryData(keys.card(card.id), (old: Card | undefined) => newer(old, card));
  const archived = card.archived_at !== null;
  const board = client.getQueryData<Card[]>(keys.cards(card.project));
  if (board) client.setQueryData(keys.cards(card.project), placed(board, card, !archived));
  const archive = client.getQueryData<Card[]>(keys.archived(card.project));
  if (archive) client.setQueryData(keys.archived(card.project), placed(archive, card, archived));
}

function placed(cards: Card[], card: Card, here: boolean): Card[] {
  return here ? [...withCard(cards, card)] : cards.filter((other) => other.id !== card.id);
}

function newer(old: Card | undefined, card: Card): Card {
  return old && Date.parse(old.updated_at) > Date.parse(card.updated_at) ? old : card;
}
