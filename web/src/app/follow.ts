import { useRouter } from "@tanstack/react-router";
import { useEffect } from "react";
import { queryClient, session } from "../api";
import { organizations as words } from "../strings/organizations";
import { toast } from "../ui";
import { DOORS } from "./doors";
import { overlays } from "./overlays";

const tell = () => toast.show({ title: words.followed, body: words.followedBody });

/** Runs once somebody looks at this tab: what is said for seconds would be over before. */
function whenSeen(run: () => void): void {
  if (document.visibilityState === "visible") {
    run();
    return;
  }
  const look = () => {
    if (document.visibilityState === "visible") run();
    else document.addEventListener("visibilitychange", look, { once: true });
  };
  document.addEventListener("visibilitychange", look, { once: true });
}

/**
 * A browser has one session: who goes to another organization goes there in all tabs. What was
 * loaded is forgotten, and what stood in the address is not there.
 */
export function useFollow(): void {
  const router = useRouter();
  useEffect(() => {
    let seen = session.moves();
    return session.subscribe(() => {
      if (session.moves() === seen) return;
      seen = session.moves();
      queryClient.clear();
      overlays.close();
      if (session.followed()) whenSeen(tell);
      if (DOORS.includes(router.state.location.pathname)) return;
      // What was typed belongs to where one was: the question whether to leave it comes too late.
      void router.navigate({ to: "/", replace: true, ignoreBlocker: true });
    });
  }, [router]);
}
