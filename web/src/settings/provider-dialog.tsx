import { useQueryClient } from "@tanstack/react-query";
import type { Provider } from "../api";
import { keys } from "../api/queries";
import { providerSettings as words } from "../strings/settings";
import { toast } from "../ui";
import { FormDialog } from "./form/form-dialog";
import type { ProviderKind } from "./presets";
import { ProviderForm } from "./provider-form";

/** Adds a provider, or changes one. */
export function ProviderDialog({
  provider,
  kind,
  onClose,
}: {
  provider: Provider | null;
  kind?: ProviderKind;
  onClose: () => void;
}) {
  const client = useQueryClient();
  return (
    <FormDialog
      size="lg"
      title={provider === null ? words.addTitle : words.editTitle(provider.name)}
      onClose={onClose}
    >
      {(changed) => (
        <ProviderForm
          provider={provider}
          kind={kind}
          onChanged={changed}
          onCancel={onClose}
          onSaved={(saved) => {
            client.invalidateQueries({ queryKey: keys.providers });
            // Agents name their provider, and it may have another name now.
            client.invalidateQueries({ queryKey: keys.agents });
            toast.show({
              title: provider === null ? words.added(saved.name) : words.edited,
              tone: "ok",
            });
            onClose();
          }}
        />
      )}
    </FormDialog>
  );
}
