import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { isProblem, peopleQueries } from "../api";
import { api } from "../api/client";
import { keys, queries } from "../api/queries";
import type { LinkedIdentity, SignInProvider } from "../api/types";
import { AccountForm } from "../sign-in/account-form";
import { stillGood } from "../sign-in/enter";
import { setOut } from "../sign-in/provider";
import { account } from "../strings/account";
import { Button, ConfirmDialog, Dialog, Field, FormError, Input, Time } from "../ui";
import { useForm } from "./form/use-form";

const words = account.providers;

/** Who one is at providers of identities; nothing where there are none. */
export function Identities() {
  const ways = useQuery(queries.ways());
  const linked = useQuery(queries.identities());
  const mine = useQuery(peopleQueries.account());
  const [going, setGoing] = useState<string | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const [leaving, setLeaving] = useState<LinkedIdentity | null>(null);
  const [asked, setAsked] = useState<SignInProvider | null>(null);
  const providers = ways.data?.providers ?? [];
  const items = linked.data?.items ?? [];
  if (providers.length === 0 && items.length === 0) return null;
  const others = providers.filter(({ name }) => !items.some(({ provider }) => provider === name));

  async function go(provider: string) {
    setGoing(provider);
    setProblem(null);
    try {
      window.location.assign(await setOut({ provider, purpose: "link" }));
    } catch (refused) {
      setProblem(refused);
      setGoing(null);
    }
  }

  return (
    <section className="flex flex-col gap-2">
      <h2 className="font-semibold text-lg">{words.linkedTitle}</h2>
      <p className="text-muted">{words.linkedHint}</p>
      <FormError problem={problem ?? linked.error} />
      <ul className="flex flex-col gap-2">
        {items.map((identity) => (
          <li key={identity.id} className="flex flex-wrap items-center gap-x-4 gap-y-1">
            <span className="font-medium">{identity.title}</span>
            <span className="min-w-0 break-all text-muted text-sm">{identity.subject}</span>
            <Time at={identity.linked_at} />
            <Button size="sm" onClick={() => setLeaving(identity)}>
              {words.unlink(identity.title)}
            </Button>
          </li>
        ))}
      </ul>
      <div className="flex flex-wrap gap-2">
        {others.map((provider) => (
          <Button
            key={provider.name}
            busy={going === provider.name}
            disabled={mine.data === undefined}
            onClick={() => (mine.data?.password ? setAsked(provider) : go(provider.name))}
          >
            {words.link(provider.title)}
          </Button>
        ))}
      </div>
      {asked !== null && (
        <Prove provider={asked} address={mine.data?.email ?? ""} onClose={() => setAsked(null)} />
      )}
      {leaving !== null && <Unlink identity={leaving} onClose={() => setLeaving(null)} />}
    </section>
  );
}

interface ProveProps {
  provider: SignInProvider;
  address: string;
  onClose: () => void;
}

/** The account's password: another way in takes more than a browser that somebody left open. */
function Prove({ provider, address, onClose }: ProveProps) {
  const form = useForm({
    initial: { current: "" },
    faults: ({ current }) => ({
      current: current === "" ? account.faults.password : undefined,
    }),
    async send({ current }) {
      try {
        const url = await setOut({ provider: provider.name, purpose: "link", current });
        window.location.assign(url);
      } catch (error) {
        // It may be the session after all that is not good any more: asking ends it then.
        if (isProblem(error, "unauthenticated")) await stillGood();
        throw error;
      }
    },
  });
  return (
    <Dialog
      open
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      title={words.link(provider.title)}
      description={words.linkLead(provider.title)}
      size="sm"
    >
      <AccountForm form={form} submit={words.go(provider.title)}>
        {/* Password managers look for whose password it is. */}
        <input type="text" autoComplete="username" value={address} readOnly hidden />
        <Field label={words.current} error={form.fault("current")} required>
          <Input
            name="current"
            type="password"
            autoComplete="current-password"
            value={form.draft.current}
            onChange={(event) => form.set("current", event.target.value)}
          />
        </Field>
      </AccountForm>
    </Dialog>
  );
}

function Unlink({ identity, onClose }: { identity: LinkedIdentity; onClose: () => void }) {
  const client = useQueryClient();
  return (
    <ConfirmDialog
      open
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      title={words.unlinkTitle(identity.title)}
      body={words.unlinkBody}
      confirm={words.unlink(identity.title)}
      danger
      onConfirm={async () => {
        await api.del("/account/identities/{identity}", { path: { identity: identity.id } });
        await client.invalidateQueries({ queryKey: keys.identities });
      }}
    />
  );
}
