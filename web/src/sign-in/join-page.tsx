import { useEffect, useState } from "react";
import { api } from "../api/client";
import { session } from "../api/session";
import type { Account, InvitationSeen } from "../api/types";
import { useForm } from "../settings/form/use-form";
import { account } from "../strings/account";
import { Button, Callout, Field, Input, Spinner } from "../ui";
import { nameFault, newPasswordFault, passwordFault } from "./account-faults";
import { NameField, NewPasswordField, PasswordField } from "./account-fields";
import { AccountForm, Refusal } from "./account-form";
import { MailedPage, NoToken, useGoHome, useMailedToken } from "./mailed-page";
import { ProviderButtons } from "./provider-buttons";
import { useArrive } from "./use-arrive";
import { useWays } from "./ways";

const words = account.join;

/** Where the mail of an invitation leads. */
export default function JoinPage() {
  const token = useMailedToken("invitation");
  if (token === null) {
    return (
      <MailedPage title={words.title}>
        <NoToken />
      </MailedPage>
    );
  }
  return <Invitation key={token} token={token} />;
}

/** Who this browser is signed in as, if anybody: undefined until that is known. */
function useWhoIsHere(): Account | null | undefined {
  const [here, setHere] = useState<Account | null | undefined>(undefined);
  useEffect(() => {
    const stop = new AbortController();
    const { signal } = stop;
    const asked =
      session.token() === null ? Promise.resolve(null) : api.get("/account", { signal });
    asked
      .catch(() => null)
      .then((account) => {
        if (!signal.aborted) setHere(account);
      });
    return () => stop.abort();
  }, []);
  return here;
}

type Look = { at: "looking" } | { at: "refused"; problem: unknown } | Found;
type Found = { at: "seen"; invitation: InvitationSeen };

/** Looks the invitation up, for this page alone: the cache is emptied when somebody signs in. */
function useLook(token: string): [Look, () => void] {
  const [look, setLook] = useState<Look>({ at: "looking" });
  const [tries, setTries] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each try asks anew.
  useEffect(() => {
    const stop = new AbortController();
    const { signal } = stop;
    setLook({ at: "looking" });
    api.post("/invitations/look", { body: { token }, token: null, signal }).then(
      (invitation) => setLook({ at: "seen", invitation }),
      (problem: unknown) => {
        if (!signal.aborted) setLook({ at: "refused", problem });
      },
    );
    return () => stop.abort();
  }, [token, tries]);
  return [look, () => setTries((before) => before + 1)];
}

function Invitation({ token }: { token: string }) {
  const [look, again] = useLook(token);
  if (look.at === "seen") return <Seen token={token} invitation={look.invitation} />;
  return (
    <MailedPage title={words.title}>
      {look.at === "refused" ? (
        <div className="flex flex-col items-start gap-3">
          <Refusal problem={look.problem} />
          <Button onClick={again}>{words.retry}</Button>
        </div>
      ) : (
        <p role="status" className="flex items-center gap-2 text-muted">
          <Spinner label={null} />
          {words.looking}
        </p>
      )}
    </MailedPage>
  );
}

function Seen({ token, invitation }: { token: string; invitation: InvitationSeen }) {
  const { by, organization, role, email, has_account } = invitation;
  const arrive = useArrive(useGoHome());
  const here = useWhoIsHere();
  const ways = useWays();
  const form = useForm({
    initial: { name: "", password: "" },
    faults: ({ name, password }) =>
      has_account
        ? { password: passwordFault(password) }
        : { name: nameFault(name), password: newPasswordFault(password) },
    async send({ name, password }) {
      const body = { token, password, name: has_account ? null : name.trim() };
      arrive(await api.post("/invitations/accept", { body, token: null }));
    },
  });
  if (here?.email === email) {
    return (
      <MailedPage title={words.titleOf(organization)}>
        <AsYou token={token} name={here.name} />
      </MailedPage>
    );
  }
  const as = words.roles[role] ?? words.role(role);
  return (
    <MailedPage title={words.titleOf(organization)} lead={words.invited(by, organization, as)}>
      {here !== undefined && here !== null && here.email !== email && (
        <Callout tone="warn">{words.other(here.name)}</Callout>
      )}
      <ProviderButtons providers={ways?.providers ?? []} invitation={token} />
      <p className="text-muted">{has_account ? words.known : words.unknown}</p>
      <AccountForm form={form} submit={words.submit}>
        <Field label={account.address}>
          <Input name="address" type="email" autoComplete="username" value={email} readOnly />
        </Field>
        {!has_account && <NameField form={form} />}
        {has_account ? <PasswordField form={form} /> : <NewPasswordField form={form} />}
      </AccountForm>
    </MailedPage>
  );
}

/** Whoever is invited is signed in here: they need say nothing more. */
function AsYou({ token, name }: { token: string; name: string }) {
  const arrive = useArrive(useGoHome());
  const form = useForm({
    initial: {},
    faults: () => ({}),
    async send() {
      arrive(await api.post("/account/invitations/accept", { body: { token } }));
    },
  });
  return (
    <AccountForm form={form} submit={words.asYouSubmit}>
      <p>{words.asYou(name)}</p>
    </AccountForm>
  );
}
