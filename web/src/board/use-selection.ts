import { useCallback, useMemo, useState } from "react";
import { board as say } from "../strings/board";
import { toast } from "../ui";
import type { Board } from "./lanes";
import { none, SELECT_MAX, type Selection, selected, toggled } from "./selection";

/** The cards that a person has selected, as far as they are shown. */
export function useSelection(board: Board) {
  const [selection, setSelection] = useState<Selection>(none);
  const toggle = useCallback(
    (id: string) => {
      const next = toggled(selection, id);
      if (next === null) toast.show({ title: say.select.full(SELECT_MAX), tone: "warn" });
      else setSelection(next);
    },
    [selection],
  );
  const clear = useCallback(() => setSelection(none), []);
  const ids = useMemo(() => selected(board, selection), [board, selection]);
  return { selection, ids, toggle, clear };
}

export type Selected = ReturnType<typeof useSelection>;
