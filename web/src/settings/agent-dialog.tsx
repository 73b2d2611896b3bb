import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Agent } from "../api";
import { keys, queries } from "../api/queries";
import { agentSettings as words } from "../strings/settings";
import { ErrorState, toast } from "../ui";
import { AgentForm } from "./agent-form";
import { FormDialog } from "./form/form-dialog";
import { FormSkeleton } from "./form/form-skeleton";
import { ProviderDialog } from "./provider-dialog";

/** Adds an agent, or changes one. A provider that is missing is added over it; the draft stays. */
export function AgentDialog({ agent, onClose }: { agent: Agent | null; onClose: () => void }) {
  const client = useQueryClient();
  const providers = useQuery(queries.providers());
  const runners = useQuery(queries.runners());
  const [adding, setAdding] = useState(false);
  return (
    <FormDialog
      size="lg"
      title={agent === null ? words.addTitle : words.editTitle(agent.name)}
      onClose={onClose}
    >
      {(changed) =>
        providers.data === undefined ? (
          providers.isError ? (
            <ErrorState problem={providers.error} retry={() => providers.refetch()} />
          ) : (
            <FormSkeleton fields={5} />
          )
        ) : (
          <>
            <AgentForm
              agent={agent}
              providers={providers.data}
              runners={runners.data ?? []}
              onChanged={changed}
              onCancel={onClose}
              onAddProvider={() => setAdding(true)}
              onSaved={(saved) => {
                client.invalidateQueries({ queryKey: keys.agents });
                toast.show({
                  title: agent === null ? words.added(saved.name) : words.edited,
                  tone: "ok",
                });
                onClose();
              }}
            />
            {adding && <ProviderDialog provider={null} onClose={() => setAdding(false)} />}
          </>
        )
      }
    </FormDialog>
  );
}
