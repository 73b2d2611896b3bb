import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../api/client";
import { keys, queries } from "../api/queries";
import type { LinkedIdentity } from "../api/types";
import { setOut } from "../sign-in/provider";
import { account } from "../strings/account";
import { Button, ConfirmDialog, FormError, Time } from "../ui";

const words = account.providers;

/** Who one is at providers of identities; nothing where there are none. */
export function Identities() {
  const ways = useQuery(queries.ways());
  const linked = useQuery(queries.identities());
  const [going, setGoing] = useState<string | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const [leaving, setLeaving] = useState<LinkedIdentity | null>(null);
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
        {others.map(({ name, title }) => (
          <Button key={name} busy={going === name} onClick={() => go(name)}>
            {words.link(title)}
          </Button>
        ))}
      </div>
      {leaving !== null && <Unlink identity={leaving} onClose={() => setLeaving(null)} />}
    </section>
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
