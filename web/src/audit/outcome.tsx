import { audit as words } from "../strings/audit";
import { Badge } from "../ui";

/** What came of an act. */
export function Outcome({ outcome }: { outcome: string }) {
  if (outcome === "refused") return <Badge tone="warn">{words.refusedOutcome}</Badge>;
  return <span className="text-muted">{outcome === "done" ? words.done : outcome}</span>;
}
