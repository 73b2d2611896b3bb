import { type Board, type Card, type Lane, type Place, placeOf, put, toBoard } from "./lanes";

/**
 * What a person did and the server has not answered yet. The board shows the server's cards with
 * these on top, so a refusal needs no undoing: the entry goes, and what the server says is seen.
 */
export type Change =
  | { readonly kind: "move"; readonly card: string; readonly place: Place; readonly from: Lane }
  | { readonly kind: "archive"; readonly card: string }
  | { readonly kind: "restore"; readonly card: string };

export type Pending = { readonly op: number; readonly change: Change };

export type BoardState = {
  readonly server: readonly Card[];
  readonly pending: readonly Pending[];
};

export type BoardEvent =
  /** The whole list, as the server had it. */
  | { readonly type: "loaded"; readonly cards: readonly Card[] }
  /** One card, as the server has it now. */
  | { readonly type: "changed"; readonly card: Card }
  | { readonly type: "done"; readonly op: number; readonly change: Change }
  /** Accepted; `card` is how it stands since. */
  | { readonly type: "accepted"; readonly op: number; readonly card: Card }
  | { readonly type: "refused"; readonly op: number };

/** Changes that wait for an answer at once; more than a person makes in the time of a slow answer. */
export const PENDING_MAX = 200;

export const nothing: BoardState = { server: [], pending: [] };

export function reduce(state: BoardState, event: BoardEvent): BoardState {
  switch (event.type) {
    case "loaded":
      return { ...state, server: withList(state.server, event.cards) };
    case "changed":
      return { ...state, server: withCard(state.server, event.card) };
    case "done":
      if (state.pending.length >= PENDING_MAX) return state;
      return { ...state, pending: [...state.pending, { op: event.op, change: event.change }] };
    case "accepted":
      return {
        server: withCard(state.server, event.card),
        pending: state.pending.filter((entry) => entry.op !== event.op),
      };
    case "refused":
      return { ...state, pending: state.pending.filter((entry) => entry.op !== event.op) };
  }
}

/**
 * The list with this card in it. Answers may overtake one another: an older edition of a card
 * never replaces a newer one.
 */
export function withCard(cards: readonly Card[], card: Card): readonly Card[] {
  const index = cards.findIndex((other) => other.id === card.id);
  const known = cards[index];
  if (!known) return [...cards, card];
  if (Date.parse(card.updated_at) < Date.parse(known.updated_at)) return cards;
  const next = cards.slice();
  next[index] = card;
  return next;
}

/** A new list in place of the old one. A list that was asked for before a change was answered does not take the change back. */
export function withList(known: readonly Card[], list: readonly Card[]): readonly Card[] {
  const byId = new Map(known.map((card) => [card.id, card]));
  return list.map((card) => {
    const old = byId.get(card.id);
    return old && Date.parse(old.updated_at) > Date.parse(card.updated_at) ? old : card;
  });
}

export type Shelf = "board" | "archive";

/** What is shown: the server's cards of that shelf, with the pending changes in their order on top. */
export function shown(state: BoardState, shelf: Shelf = "board"): Board {
  const gone = new Map<string, boolean>();
  for (const { change } of state.pending) {
    if (change.kind !== "move") gone.set(change.card, change.kind === "archive");
  }
  const archived = (card: Card) => gone.get(card.id) ?? card.archived_at !== null;
  const cards = state.server.filter((card) => archived(card) === (shelf === "archive"));
  let board = toBoard(cards);
  for (const { change } of state.pending) {
    if (change.kind === "move") board = put(board, change.card, change.place);
  }
  return board;
}

/** The change that puts a card back to where it stood on `board`, or null when it was not there. */
export function inverse(board: Board, change: Change): Change | null {
  if (change.kind === "archive") return { kind: "restore", card: change.card };
  if (change.kind === "restore") return { kind: "archive", card: change.card };
  const at = placeOf(board, change.card);
  if (!at) return null;
  const place = { lane: at.lane, before: at.before };
  return { kind: "move", card: change.card, place, from: change.place.lane };
}

/** Whether the change would leave the board as it is. */
export function isIdle(board: Board, change: Change): boolean {
  if (change.kind !== "move" || placeOf(board, change.card) === null) return false;
  const after = put(board, change.card, change.place);
  const lane = change.place.lane;
  return (
    after === board ||
    (after[lane].length === board[lane].length &&
      after[lane].every((card, index) => card.id === board[lane][index]?.id))
  );
}
