/** What of the ways to sign in is shown. */

import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { queries } from "../api/queries";
import type { SignInWays } from "../api/types";
import type { SignInView } from "../app/search";

/** How one signs in here: undefined until the server has said it, null where it does not. */
export function useWays(): SignInWays | null | undefined {
  const client = useQueryClient();
  const [ways, setWays] = useState<SignInWays | null | undefined>(undefined);
  useEffect(() => {
    let gone = false;
    // Kept here, since the cache is emptied when somebody signs in.
    client
      .fetchQuery(queries.ways())
      .catch(() => null)
      .then((said) => {
        if (!gone) setWays(said);
      });
    return () => {
      gone = true;
    };
  }, [client]);
  return ways;
}

export interface Shown {
  view: SignInView;
  /** Whether a mail can be sent that sets a new password. */
  forgotten: boolean;
  /** Whether one makes an account by oneself: that takes a mail as well. */
  register: boolean;
}

/**
 * What is shown of what the address asks for. Where people get no accounts at all, one begins with
 * the link of the terminal; nothing is offered that the server would refuse.
 */
export function shown(wanted: SignInView | undefined, ways: SignInWays | null): Shown {
  const mail = ways?.mail === true;
  const open = ways?.registration === "open";
  const elsewhere = (ways?.providers ?? []).length > 0;
  const people = ways !== null && (mail || elsewhere || ways.registration !== "closed");
  const first: SignInView = people ? "password" : "link";
  const can = { forgotten: mail, register: mail && open };
  const refused =
    (wanted === "forgotten" && !can.forgotten) || (wanted === "register" && !can.register);
  return { view: wanted === undefined || refused ? first : wanted, ...can };
}
