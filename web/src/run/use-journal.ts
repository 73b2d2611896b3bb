import { useEffect, useMemo, useState } from "react";
import type { RunEvent } from "./event";
import { FilteredLoader } from "./filtered-loader";
import { JOURNAL_KINDS } from "./filters";
import { type Journal, journal } from "./journal";
import { kindSource } from "./source";

export interface JournalView {
  journal: Journal;
  /** Whether all that is known of has been read. */
  complete: boolean;
  problem: unknown;
  retry: () => void;
}

/** The steps of a run, told from its events and kept up with them. */
export function useJournal(run: string, last: number): JournalView {
  const loader = useMemo(
    () => new FilteredLoader(kindSource(run, JOURNAL_KINDS), { from: "start" }),
    [run],
  );
  const [state, setState] = useState<{
    items: readonly RunEvent[];
    complete: boolean;
    problem: unknown;
  }>({
    items: [],
    complete: false,
    problem: null,
  });
  useEffect(() => {
    const stop = loader.listen(() =>
      setState({ items: [...loader.items], complete: loader.atEnd, problem: loader.problem }),
    );
    loader.open();
    return () => {
      stop();
      loader.close();
    };
  }, [loader]);
  useEffect(() => loader.hint(last), [loader, last]);
  const told = useMemo(() => journal(state.items), [state.items]);
  return {
    journal: told,
    complete: state.complete || last === 0,
    problem: state.problem,
    retry: () => loader.retry(),
  };
}
