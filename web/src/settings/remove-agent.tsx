import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { Agent } from "../api";
import { keys, queries } from "../api/queries";
import { agentSettings as words } from "../strings/settings";
import { ConfirmedDialog, toast } from "../ui";
import { removeAgent } from "./calls";

/** States of a run in which its agent still has something to do. */
const LIVE = ["queued", "dispatching", "running", "waiting", "landing"] as const;

/** Removes an agent, and says first what depends on it. */
export function RemoveAgent({ agent, onClose }: { agent: Agent; onClose: () => void }) {
  const client = useQueryClient();
  const live = useQuery(queries.runs({ state: LIVE }));
  const count = (live.data?.items ?? []).filter((run) => run.agent === agent.name).length;
  return (
    <ConfirmedDialog
      what="agent.remove"
      act={removeAgent(agent.id)}
      onClose={onClose}
      title={words.removeTitle(agent.name)}
      body={
        <>
          <p>{words.removeBody}</p>
          {count > 0 && <p className="mt-2 text-ink">{words.removeRuns(count)}</p>}
        </>
      }
      confirm={words.removeConfirm}
      onDone={() => {
        client.invalidateQueries({ queryKey: keys.agents });
        toast.show({ title: words.removed(agent.name), tone: "ok" });
      }}
    />
  );
}
