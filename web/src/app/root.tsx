import { Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { useEffect, useSyncExternalStore } from "react";
import { session, startLive, startRenewal, useSignedIn } from "../api";
import { Toaster } from "../ui";
import { DOORS } from "./doors";
import { useFollow } from "./follow";
import { Shell } from "./shell";

const OPEN: readonly string[] = DESIGN ? [...DOORS, "/design"] : DOORS;

export function Root() {
  const path = useRouterState({ select: (state) => state.location.pathname });
  const open = OPEN.includes(path) || path.startsWith(WITH);
  const signedIn = useSignedIn();
  useEffect(startLive, []);
  useEffect(startRenewal, []);
  useSignIn(signedIn, open);
  useFollow();
  const moves = useSyncExternalStore(session.subscribe, session.moves);
  return (
    <>
      {open && (
        <main id="main" tabIndex={-1} data-focus-quiet className="min-h-dvh p-4">
          <Outlet />
        </main>
      )}
      {/* In another organization nothing that was shown or typed is in its place. */}
      {!open && signedIn && <Shell key={moves} />}
      <Toaster />
    </>
  );
}

/** Where providers of identities send browsers back to. */
const WITH = "/sign-in/with/";

/** Without a session there is only the sign-in page, and the way back from it. */
function useSignIn(signedIn: boolean, open: boolean) {
  const navigate = useNavigate();
  const here = useRouterState({ select: (state) => state.location.href });
  useEffect(() => {
    if (signedIn || open) return;
    const why = session.why();
    void navigate({
      to: "/sign-in",
      search: {
        back: here === "/" ? undefined : here,
        why: why === "none" ? undefined : why,
      },
      replace: true,
    });
  }, [signedIn, open, here, navigate]);
}
