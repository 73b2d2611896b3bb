import type { QueryClient } from "@tanstack/react-query";
import type { Card, Lane } from "../api";
import { keys } from "../api/queries";
import { send } from "../board/requests";
import { putCard } from "../board/use-cards";
import { card as say } from "../strings/card";
import { toast } from "../ui";
import { type CreateCard, createCard, startRun } from "./requests";

export interface AddCard extends CreateCard {
  /** Null leaves it where the server puts it. */
  lane: Lane | null;
  /** The agent to start with, by id. */
  agent: string | null;
}

/**
 * Adds the card, puts it into its lane and starts it. Throws when the card was not added; what fails afterwards is
 * said in a toast, because the card is there. Repeated with the same key it does nothing twice.
 */
export async function addCard(client: QueryClient, request: AddCard, key: string): Promise<Card> {
  const { lane, agent, ...asked } = request;
  let card = await createCard(asked, key);
  putCard(client, card);
  if (lane !== null && lane !== card.lane) {
    try {
      const place = { lane, before: null };
      card = await send({ kind: "move", card: card.id, place, from: card.lane });
      putCard(client, card);
    } catch (error) {
      toast.show({ title: say.add.moveFailed(lane), body: message(error), tone: "danger" });
    }
  }
  if (agent !== null) await start(client, card, agent, `${key}-start`);
  return card;
}

async function start(client: QueryClient, card: Card, agent: string, key: string): Promise<void> {
  try {
    await startRun(card.id, agent, key);
    void client.invalidateQueries({ queryKey: keys.card(card.id) });
    void client.invalidateQueries({ queryKey: keys.cards(card.project) });
    void client.invalidateQueries({ queryKey: keys.runs() });
  } catch (error) {
    toast.show({ title: say.add.startFailed, body: message(error), tone: "danger" });
  }
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
