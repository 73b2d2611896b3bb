import { useParams, useRouter } from "@tanstack/react-router";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { api } from "../api/client";
import { session } from "../api/session";
import { account } from "../strings/account";
import { Callout, Spinner } from "../ui";
import { Refusal } from "./account-form";
import { ownPath } from "./destination";
import { MailedPage } from "./mailed-page";
import { type Came, type Kept, takeCame, takeKept } from "./provider";
import { useArrive } from "./use-arrive";

const words = account.providers;

type State =
  | { at: "waiting" }
  | { at: "lost" }
  | { at: "said-no" }
  | { at: "provider"; error: string }
  | { at: "refused"; problem: unknown };

/** Where a provider of identities sends the browser back to. */
export default function WithPage() {
  const { provider } = useParams({ from: "/sign-in/with/$provider" });
  const router = useRouter();
  const [state, setState] = useState<State>({ at: "waiting" });
  const back = useRef<string | undefined>(undefined);
  const goOn = useCallback(() => {
    router.history.replace(ownPath(back.current, window.location.origin));
  }, [router]);
  const arrive = useArrive(goOn);
  const came = useRef<{ came: Came; kept: Kept | null } | null>(null);

  // Out of the address and of the tab's storage, before anything else happens.
  useLayoutEffect(() => {
    came.current ??= { came: takeCame(window), kept: takeKept(provider) };
  }, [provider]);

  const turnedIn = useRef(false);
  useEffect(() => {
    // It works once: the second of two would be refused.
    if (turnedIn.current || came.current === null) return;
    turnedIn.current = true;
    const { came: answer, kept } = came.current;
    if (answer.kind === "refused") {
      const { error } = answer;
      setState(error === "access_denied" ? { at: "said-no" } : { at: "provider", error });
      return;
    }
    if (answer.kind === "nothing" || kept === null) {
      setState({ at: "lost" });
      return;
    }
    const { code, state, iss } = answer;
    const body = { code, state, iss, secret: kept.secret };
    const done =
      kept.purpose === "link"
        ? api.post("/account/identities", { body: { ...body, provider } }).then(() => {
            back.current = "/settings";
            goOn();
          })
        : api
            .post("/sign-in/oidc/{provider}/redeem", { path: { provider }, body, token: null })
            .then((given) => {
              back.current = kept.back;
              arrive(given);
            });
    done.catch((problem: unknown) => setState({ at: "refused", problem }));
  }, [provider, arrive, goOn]);

  return (
    <MailedPage title={words.title} back={session.token() === null ? undefined : "/settings"}>
      <Said state={state} />
    </MailedPage>
  );
}

function Said({ state }: { state: State }) {
  switch (state.at) {
    case "waiting":
      return (
        <p role="status" className="flex items-center gap-2 text-muted">
          <Spinner label={null} />
          {words.waiting}
        </p>
      );
    case "refused":
      return <Refusal problem={state.problem} />;
    case "lost":
      return (
        <div role="alert">
          <Callout tone="warn" title={words.lostTitle}>
            {words.lost}
          </Callout>
        </div>
      );
    case "said-no":
      return (
        <div role="alert">
          <Callout tone="warn" title={words.saidNoTitle}>
            {words.saidNo}
          </Callout>
        </div>
      );
    case "provider":
      return (
        <div role="alert">
          <Callout tone="danger" title={words.providerTitle}>
            {words.provider(/^[a-z_]{1,60}$/.test(state.error) ? state.error : words.unnamed)}
          </Callout>
        </div>
      );
  }
}
