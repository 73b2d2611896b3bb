import { useQueryClient } from "@tanstack/react-query";
import { useRouter, useSearch } from "@tanstack/react-router";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { isProblem } from "../api";
import { session } from "../api/session";
import type { NewSession } from "../api/types";
import { signIn as words } from "../strings/sign-in";
import { Button, Callout, FormError, PageHeader, Spinner } from "../ui";
import { fragmentToken } from "./credential";
import { ownPath } from "./destination";
import { enter, takeFragment } from "./enter";
import { ByLink, leadOf, titleOf, useHeadingFocus, View } from "./sign-in-views";
import { useArrive } from "./use-arrive";
import { shown, useWays } from "./ways";

type State =
  | { at: "asking" }
  | { at: "exchanging"; pasted: boolean }
  | { at: "refused"; pasted: boolean }
  | { at: "failed"; pasted: boolean; problem: unknown; token: string };

export default function SignInPage() {
  const { back, why, view: wanted } = useSearch({ from: "/sign-in" });
  const ways = useWays();
  const router = useRouter();
  const client = useQueryClient();
  const [state, setState] = useState<State>({ at: "asking" });
  const busy = useRef(false);

  const goOn = useCallback(() => {
    router.history.replace(ownPath(back, window.location.origin));
  }, [router, back]);

  const exchange = useCallback(
    async (token: string, pasted: boolean) => {
      // A link works once: the second of two exchanges would be refused.
      if (busy.current) return;
      busy.current = true;
      setState({ at: "exchanging", pasted });
      try {
        await enter(token);
        // What was loaded for somebody else is not this person's.
        client.clear();
        goOn();
      } catch (problem) {
        setState(
          isProblem(problem, "unauthenticated")
            ? { at: "refused", pasted }
            : { at: "failed", pasted, problem, token },
        );
      } finally {
        busy.current = false;
      }
    },
    [client, goOn],
  );

  const arrive = useArrive(goOn);
  const onSession = (given: NewSession) => {
    // Else the change of the session would lead on as well.
    busy.current = true;
    arrive(given);
    busy.current = false;
  };

  useLayoutEffect(() => {
    const look = () => {
      const token = takeFragment(window, fragmentToken);
      if (token !== null) exchange(token, false);
      else if (!busy.current && session.token() !== null) goOn();
    };
    look();
    // A link that is opened in this very tab changes nothing but the fragment.
    window.addEventListener("hashchange", look);
    return () => window.removeEventListener("hashchange", look);
  }, [exchange, goOn]);

  // Another tab has signed in.
  useEffect(
    () =>
      session.subscribe((token) => {
        if (token !== null && !busy.current) goOn();
      }),
    [goOn],
  );

  const exchanging = state.at === "exchanging";
  const linked = exchanging && !state.pasted;
  // What is said about a link stands where one gets another.
  const about = state.at === "refused" || state.at === "failed" ? "link" : undefined;
  const can = ways === undefined ? undefined : shown(wanted ?? about, ways);
  const place = useHeadingFocus(can?.view);
  // What is said about a link, or the end of a session, does not follow into another form.
  const first = can === undefined || can.view === "link" || can.view === "password";
  const telling = first && !(can?.view === "password" && about !== undefined);
  return (
    <div ref={place} className="mx-auto flex w-full max-w-lg flex-col gap-4 py-[8vh]">
      <PageHeader title={linked ? words.title : titleOf(can?.view)} className="pb-0">
        {can !== undefined && !linked && <p className="text-muted">{leadOf(can.view)}</p>}
      </PageHeader>
      {telling && <Message state={state} why={why ?? session.why()} again={exchange} />}
      {linked ? (
        <p role="status" className="flex items-center gap-2 text-muted">
          <Spinner label={null} />
          {words.exchanging}
        </p>
      ) : can === undefined ? (
        <Spinner />
      ) : (
        <View can={can} ways={ways ?? null} back={back} onSession={onSession}>
          <ByLink busy={exchanging} onToken={(token) => exchange(token, true)} />
        </View>
      )}
    </div>
  );
}

function Message({
  state,
  why,
  again,
}: {
  state: State;
  why: string;
  again: (token: string, pasted: boolean) => void;
}) {
  if (state.at === "exchanging") return null;
  if (state.at === "refused") {
    return (
      <div role="alert">
        <Callout tone="danger" title={state.pasted ? words.wrongTitle : words.usedTitle}>
          {state.pasted ? words.wrongBody : words.usedBody}
        </Callout>
      </div>
    );
  }
  if (state.at === "failed") {
    return (
      <div className="flex flex-col items-start gap-2">
        <FormError problem={state.problem} />
        <Button onClick={() => again(state.token, state.pasted)}>{words.again}</Button>
      </div>
    );
  }
  if (why === "refused") {
    return (
      <Callout tone="warn" title={words.revokedTitle}>
        {words.revokedBody}
      </Callout>
    );
  }
  if (why === "signed-out") {
    return <Callout title={words.signedOutTitle}>{words.signedOutBody}</Callout>;
  }
  return null;
}
