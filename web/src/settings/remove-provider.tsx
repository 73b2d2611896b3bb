import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { Provider } from "../api";
import { keys, queries } from "../api/queries";
import { providerSettings as words } from "../strings/settings";
import { ButtonLink, ConfirmedDialog, Dialog, toast } from "../ui";
import { removeProvider } from "./calls";

/** Removes a provider; while an agent uses it, says which, because the server would refuse. */
export function RemoveProvider({ provider, onClose }: { provider: Provider; onClose: () => void }) {
  const client = useQueryClient();
  const agents = useQuery(queries.agents());
  const users = (agents.data ?? []).filter((agent) => agent.provider === provider.name);
  const close = (open: boolean) => {
    if (!open) onClose();
  };
  if (users.length > 0) {
    return (
      <Dialog
        open
        size="sm"
        onOpenChange={close}
        title={words.removeTitle(provider.name)}
        description={words.removeUsed(users.map((agent) => agent.name).join(", "))}
        footer={<ButtonLink to="/settings/agents">{words.toAgents}</ButtonLink>}
      />
    );
  }
  return (
    <ConfirmedDialog
      what="provider.remove"
      act={removeProvider(provider.id)}
      onClose={onClose}
      title={words.removeTitle(provider.name)}
      body={words.removeBody}
      confirm={words.removeConfirm}
      onDone={() => {
        client.invalidateQueries({ queryKey: keys.providers });
        toast.show({ title: words.removed(provider.name), tone: "ok" });
      }}
    />
  );
}
