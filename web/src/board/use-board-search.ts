import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import type { BoardSearch } from "../app/search";
import type { Filter } from "./filter";
import type { Lane } from "./lanes";
import { filterOf, laneOf, NEW, withFilter } from "./search-params";

/** The lanes stay where they are scrolled to: it is the same page. */
export const STILL = { resetScroll: false } as const;

/** What the address says of the board, and how it is changed. */
export function useBoardSearch() {
  const search = useSearch({ from: "/projects/$project" });
  const navigate = useNavigate({ from: "/projects/$project" });
  const change = useCallback(
    (next: (old: BoardSearch) => BoardSearch) =>
      void navigate({ search: next, replace: true, ...STILL }),
    [navigate],
  );
  const setFilter = useCallback((to: Filter) => change((old) => withFilter(old, to)), [change]);
  const setArchived = useCallback(
    (on: boolean) => change(({ archived: _, ...old }) => (on ? { ...old, archived: true } : old)),
    [change],
  );
  const setLane = useCallback((lane: Lane) => change((old) => ({ ...old, lane })), [change]);
  /** Opens the form of a new card, over the board and with a way back. */
  const openNew = useCallback(
    () => void navigate({ search: (old) => ({ ...old, card: NEW }), ...STILL }),
    [navigate],
  );
  const filter = useMemo(() => filterOf(search), [search]);
  return {
    filter,
    archived: search.archived === true,
    lane: laneOf(search),
    setFilter,
    setArchived,
    setLane,
    openNew,
  };
}
