import type { QueryClient } from "@tanstack/react-query";
import { keys, peopleKeys } from "../api";

/** Looks at all of it again: who is here, how many, and what one may do oneself. */
export function refreshPeople(client: QueryClient): void {
  const { members, seats, invitations } = peopleKeys;
  for (const queryKey of [members, seats, invitations, keys.me]) {
    void client.invalidateQueries({ queryKey });
  }
}
