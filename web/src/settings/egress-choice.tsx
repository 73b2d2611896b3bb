import { TriangleAlert } from "lucide-react";
import { projectSettings } from "../strings/settings";
import { Callout } from "../ui";
import { Choice } from "./form/choice";
import { EGRESS, type Egress } from "./project-draft";

/** What may be reached from inside, with what follows from it. */
export function EgressChoice({
  value,
  onChange,
}: {
  value: Egress;
  onChange: (egress: Egress) => void;
}) {
  const words = projectSettings;
  return (
    <div className="flex flex-col gap-2">
      <Choice
        legend={words.egress}
        hint={words.egressHint}
        value={value}
        onChange={onChange}
        options={EGRESS.map((egress) => ({
          value: egress,
          ...words.egresses[egress],
          mark:
            egress === "open" ? (
              <TriangleAlert aria-hidden className="ml-1 inline size-3.5 text-warn-ink" />
            ) : undefined,
        }))}
      />
      {value === "open" && (
        <div role="status">
          <Callout tone="warn" title={words.openTitle}>
            {words.openBody}
          </Callout>
        </div>
      )}
    </div>
  );
}
