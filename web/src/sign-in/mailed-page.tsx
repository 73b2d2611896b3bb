import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useCallback, useLayoutEffect, useState } from "react";
import { account as words } from "../strings/account";
import { Callout, Link, PageHeader } from "../ui";
import { type Mailed, mailedToken } from "./credential";
import { HOME } from "./destination";
import { takeFragment } from "./enter";

/** The token that a mail's link brought, out of the address before anything else happens. */
export function useMailedToken(kind: Mailed): string | null {
  const [token, setToken] = useState<string | null>(null);
  useLayoutEffect(() => {
    const look = () => {
      const found = takeFragment(window, (hash) => mailedToken(kind, hash));
      if (found !== null) setToken(found);
    };
    look();
    // A link that is opened in this very tab changes nothing but the fragment.
    window.addEventListener("hashchange", look);
    return () => window.removeEventListener("hashchange", look);
  }, [kind]);
  return token;
}

/** Leads into Studio. */
export function useGoHome(): () => void {
  const navigate = useNavigate();
  return useCallback(() => void navigate({ to: HOME, replace: true }), [navigate]);
}

/** The frame of a page that a mail leads to. */
export function MailedPage({
  title,
  lead,
  back = "/sign-in",
  children,
}: {
  title: string;
  lead?: ReactNode;
  /** Where one goes instead. */
  back?: "/sign-in" | "/settings";
  children: ReactNode;
}) {
  return (
    <div className="mx-auto flex w-full max-w-lg flex-col gap-4 py-[8vh]">
      <PageHeader title={title} className="pb-0">
        {lead !== undefined && <p className="text-muted">{lead}</p>}
      </PageHeader>
      {children}
      <p className="border-line border-t pt-4">
        <Link to={back}>{back === "/sign-in" ? words.back : words.backToSettings}</Link>
      </p>
    </div>
  );
}

/** Where the address holds no token. */
export function NoToken() {
  return (
    <Callout tone="warn" title={words.link.missingTitle}>
      {words.link.missing}
    </Callout>
  );
}
