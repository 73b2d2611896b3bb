import { type ReactNode, useEffect, useRef } from "react";
import type { NewSession, SignInWays } from "../api/types";
import type { SignInView } from "../app/search";
import { account } from "../strings/account";
import { signIn as words } from "../strings/sign-in";
import { Link } from "../ui";
import { ForgottenForm } from "./forgotten-form";
import { NewLink } from "./new-link";
import { PasswordForm } from "./password-form";
import { PasteForm } from "./paste-form";
import { ProviderButtons } from "./provider-buttons";
import { RegisterForm } from "./register-form";
import type { Shown } from "./ways";

export function titleOf(view: SignInView | undefined): string {
  if (view === "forgotten") return account.forgotten.title;
  return view === "register" ? account.register.title : words.title;
}

export function leadOf(view: SignInView): string {
  switch (view) {
    case "link":
      return words.lead;
    case "password":
      return account.passwordLead;
    case "forgotten":
      return account.forgotten.lead;
    case "register":
      return account.register.lead;
  }
}

/** After a change of what is shown, reading starts at its heading; the first is the browser's matter. */
export function useHeadingFocus(view: SignInView | undefined) {
  const place = useRef<HTMLDivElement>(null);
  const before = useRef(view);
  useEffect(() => {
    if (before.current !== undefined && before.current !== view) {
      place.current?.querySelector<HTMLElement>("[data-page-heading]")?.focus();
    }
    before.current = view;
  }, [view]);
  return place;
}

/** The form that is shown, and the ways to the others. `children` signs in with a link. */
export function View({
  can,
  ways,
  back,
  onSession,
  children,
}: {
  can: Shown;
  ways: SignInWays | null;
  /** Where one wanted to be. */
  back?: string;
  onSession: (session: NewSession) => void;
  children: ReactNode;
}) {
  switch (can.view) {
    case "forgotten":
      return (
        <>
          <ForgottenForm />
          <Others views={[undefined]} />
        </>
      );
    case "register":
      return (
        <>
          <RegisterForm organizations={ways?.organizations === true} />
          <Others views={[undefined]} />
        </>
      );
    case "password":
      return (
        <>
          <ProviderButtons providers={ways?.providers ?? []} back={back} />
          <PasswordForm onSession={onSession} actions={can.forgotten && <To view="forgotten" />} />
          <Others views={can.register ? ["register", "link"] : ["link"]} />
        </>
      );
    case "link":
      return (
        <>
          {children}
          <Others views={can.register ? ["password", "register"] : ["password"]} />
        </>
      );
  }
}

function Others({ views }: { views: (SignInView | undefined)[] }) {
  return (
    <p className="flex flex-wrap gap-x-6 gap-y-2 border-line border-t pt-4">
      {views.map((view) => (
        <To key={view ?? "back"} view={view} />
      ))}
    </p>
  );
}

const TO: Record<SignInView, string> = {
  link: account.linkLink,
  password: account.passwordLink,
  forgotten: account.forgottenLink,
  register: account.registerLink,
};

function To({ view }: { view: SignInView | undefined }) {
  return (
    <Link to="/sign-in" search={(search) => ({ back: search.back, view })}>
      {view === undefined ? account.back : TO[view]}
    </Link>
  );
}

/** With the link that the terminal prints. */
export function ByLink({ busy, onToken }: { busy: boolean; onToken: (token: string) => void }) {
  return (
    <>
      <ol className="list-decimal pl-5 text-muted">
        {words.steps.map((step) => (
          <li key={step}>{step}</li>
        ))}
      </ol>
      <PasteForm busy={busy} onToken={onToken} />
      <NewLink />
    </>
  );
}
