import { useCallback, useState } from "react";
import { blank, type Draft, isBlank, isDraft } from "./draft";
import { browserStorage, forget, keep, kept } from "./keep";

const nameOf = (project: string) => `new-card.${project}`;

/** The card that is being written in a project, kept in this browser until it is sent or discarded. */
export function useDraft(project: string) {
  const [draft, setDraft] = useState<Draft>(
    () => kept(browserStorage(), nameOf(project), isDraft) ?? blank,
  );
  const change = useCallback(
    (patch: Partial<Draft>) => {
      setDraft((old) => {
        const next = { ...old, ...patch };
        if (isBlank(next)) forget(browserStorage(), nameOf(project));
        else keep(browserStorage(), nameOf(project), next);
        return next;
      });
    },
    [project],
  );
  const clear = useCallback(() => {
    forget(browserStorage(), nameOf(project));
    setDraft(blank);
  }, [project]);
  return { draft, change, clear };
}
