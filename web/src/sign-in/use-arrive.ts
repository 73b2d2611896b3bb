import { useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";
import { session } from "../api/session";
import type { NewSession } from "../api/types";

/** Begins the session that the server gave. What was loaded for somebody else is not this person's. */
export function useArrive(goOn: () => void): (given: NewSession) => void {
  const client = useQueryClient();
  return useCallback(
    (given) => {
      session.begin(given.token, given.renew_at, given.organization);
      client.clear();
      goOn();
    },
    [client, goOn],
  );
}
