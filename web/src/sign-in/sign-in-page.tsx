import { useQueryClient } from "@tanstack/react-query";
import { useRouter, useSearch } from "@tanstack/react-router";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { isProblem } from "../api";
import { session } from "../api/session";
import { signIn as words } from "../strings/sign-in";
import { Button, Callout, FormError, PageHeader, Spinner } from "../ui";
import { fragmentToken } from "./credential";
import { ownPath } from "./destination";
import { enter, takeFragment } from "./enter";
import { NewLink } from "./new-link";
import { PasteForm } from "./paste-form";

type State =
  | { at: "asking" }
  | { at: "exchanging"; pasted: boolean }
  | { at: "refused"; pasted: boolean }
  | { at: "failed"; pasted: boolean; problem: unknown; token: string };

export default function SignInPage() {
  const { back, why } = useSearch({ from: "/sign-in" });
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
  return (
    <div className="mx-auto flex w-full max-w-lg flex-col gap-4 py-[8vh]">
      <PageHeader title={words.title} className="pb-0">
        <p className="text-muted">{words.lead}</p>
      </PageHeader>
      <Message state={state} why={why ?? session.why()} again={exchange} />
      {exchanging && !state.pasted ? (
        <p role="status" className="flex items-center gap-2 text-muted">
          <Spinner label={null} />
          {words.exchanging}
        </p>
      ) : (
        <>
          <ol className="list-decimal pl-5 text-muted">
            {words.steps.map((step) => (
              <li key={step}>{step}</li>
            ))}
          </ol>
          <PasteForm busy={exchanging} onToken={(token) => exchange(token, true)} />
          <NewLink />
        </>
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
