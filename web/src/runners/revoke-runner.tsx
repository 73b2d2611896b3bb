import { useQueryClient } from "@tanstack/react-query";
import type { Runner } from "../api";
import { keys } from "../api/queries";
import { revokeRunner } from "../settings/calls";
import { runners as words } from "../strings/runners";
import { ConfirmedDialog, toast } from "../ui";

interface RevokeRunnerProps {
  runner: Runner;
  runners: readonly Runner[];
  onClose: () => void;
}

/** Revokes a runner, and says first what becomes of its work. */
export function RevokeRunner({ runner, runners, onClose }: RevokeRunnerProps) {
  const client = useQueryClient();
  const text = words.revokeDialog;
  const others = runners.some((one) => one.id !== runner.id && one.state === "online");
  const last = runner.state === "online" && !others;
  return (
    <ConfirmedDialog
      what="runner.revoke"
      act={revokeRunner(runner.id)}
      onClose={onClose}
      title={text.title(runner.name)}
      body={
        <div className="flex flex-col gap-2">
          <p>{text.body}</p>
          <p>{runner.busy > 0 ? text.busy(runner.busy) : text.idle}</p>
          {last && <p className="text-warn-ink">{text.last}</p>}
          <p>{text.keys}</p>
        </div>
      }
      confirm={text.confirm}
      typed={runner.name}
      onDone={() => {
        client.invalidateQueries({ queryKey: keys.runners });
        toast.show({ title: text.done(runner.name), tone: "ok" });
      }}
    />
  );
}
