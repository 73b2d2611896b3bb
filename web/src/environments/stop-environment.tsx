import { useQueryClient } from "@tanstack/react-query";
import type { Environment } from "../api";
import { keys } from "../api/queries";
import { environments as words } from "../strings/environments";
import { ConfirmDialog, toast } from "../ui";
import { stopEnvironment } from "./calls";

/** Stops an environment, and says first what becomes of what is in it. */
export function StopEnvironment({ of, onClose }: { of: Environment; onClose: () => void }) {
  const client = useQueryClient();
  const text = words.stopDialog;
  return (
    <ConfirmDialog
      open
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      title={text.title(of.project_name)}
      body={
        <div className="flex flex-col gap-2">
          <p>{of.jobs > 0 ? text.busy(of.jobs) : text.idle}</p>
          <p>{text.work}</p>
        </div>
      }
      confirm={text.confirm}
      danger={of.jobs > 0}
      onConfirm={async () => {
        await stopEnvironment(of.id);
        client.invalidateQueries({ queryKey: keys.environments });
        toast.show({ title: text.done(of.project_name), tone: "ok" });
      }}
    />
  );
}
