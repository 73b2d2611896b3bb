import { useNavigate, useSearch } from "@tanstack/react-router";
import { Plus, Settings } from "lucide-react";
import { useCallback, useDeferredValue, useMemo, useRef, useState } from "react";
import type { Project } from "../api";
import type { BoardSearch } from "../app/search";
import { QuickAdd } from "../card/quick-add";
import { board as say } from "../strings/board";
import { Button, ButtonLink, ErrorState, PageHeader, toast } from "../ui";
import { BoardSkeleton, NoArchived, NoCards, NoMatch } from "./board-states";
import { Drawers } from "./drawers";
import { type Filter, filtered, tally } from "./filter";
import { FilterBar } from "./filter-bar";
import { type Board, LANES, type Lane } from "./lanes";
import { LanesView } from "./lanes-view";
import { filterOf, laneOf, NEW, withFilter } from "./search-params";
import { none, SELECT_MAX, type Selection, selected, toggled } from "./selection";
import { SelectionBar } from "./selection-bar";
import { useActions } from "./use-actions";
import { useBoard } from "./use-board";
import { useBoardShortcuts } from "./use-board-shortcuts";
import { useOpenCard } from "./use-open-card";
import { useSince } from "./use-since";

type Seed = { title: string; body: string };

export function ProjectBoard({ project }: { project: Project }) {
  const search = useSearch({ from: "/projects/$project" });
  const navigate = useNavigate({ from: "/projects/$project" });
  const archived = search.archived === true;
  const { query, board, apply, undo } = useBoard(project.id, archived ? "archive" : "board");
  const filter = useMemo(() => filterOf(search), [search]);
  const settled = useDeferredValue(filter);
  const { board: kept, hidden } = useMemo(() => filtered(board, settled), [board, settled]);
  const counts = useMemo(() => tally(board), [board]);
  const [adding, setAdding] = useState<Lane | null>(null);
  const [seed, setSeed] = useState<Seed | null>(null);
  const picked = useSelection(kept);
  const searchBox = useRef<HTMLInputElement>(null);
  const bulkMenu = useRef<HTMLButtonElement>(null);
  const since = useSince(project.id, board);
  const card = useOpenCard();
  const { actions, move, moveAll, put } = useActions({
    project: project.id,
    board,
    apply,
    open: card.open,
  });

  const change = useCallback(
    (next: (old: BoardSearch) => BoardSearch) => void navigate({ search: next, replace: true }),
    [navigate],
  );
  const onFilter = useCallback((to: Filter) => change((old) => withFilter(old, to)), [change]);
  const onLane = useCallback((lane: Lane) => change((old) => ({ ...old, lane })), [change]);
  const onArchived = useCallback(
    (on: boolean) => change(({ archived: _, ...old }) => (on ? { ...old, archived: true } : old)),
    [change],
  );
  const write = useCallback(
    (from: Seed | null = null, lane: Lane | null = null) => {
      setSeed(from);
      setAdding(null);
      void navigate({ search: (old) => ({ ...old, card: NEW, ...(lane ? { lane } : {}) }) });
    },
    [navigate],
  );
  const openBulkMenu = useCallback(() => {
    bulkMenu.current?.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    return bulkMenu.current !== null;
  }, []);
  useBoardShortcuts({
    archived,
    only: filter.only,
    onNew: () => write(),
    onSearch: () => searchBox.current?.focus(),
    onOnly: (only) => onFilter({ ...filter, only }),
    onArchived,
    onUndo: undo,
    onFocusBoard: () => card.focusBoard(null),
  });

  const all = LANES.reduce((sum, lane) => sum + board[lane].length, 0);
  const empty = query.data !== undefined && all === 0;
  const ids = picked.ids;
  const bulk = (act: () => void) => {
    act();
    picked.clear();
  };
  return (
    <div className="relative flex h-full min-h-0 flex-col">
      <PageHeader
        title={project.name}
        className="pb-2"
        actions={
          <>
            <ButtonLink
              to="/projects/$project/settings"
              params={{ project: project.id }}
              aria-label={say.settings}
              variant="ghost"
              icon={<Settings aria-hidden />}
            />
            <Button variant="primary" icon={<Plus aria-hidden />} onClick={() => write()}>
              <span className="max-sm:sr-only">{say.newCard}</span>
            </Button>
          </>
        }
      />
      <FilterBar
        filter={filter}
        counts={counts}
        hidden={hidden}
        archived={archived}
        searchRef={searchBox}
        onFilter={onFilter}
        onArchived={onArchived}
      />
      {query.isPending && <BoardSkeleton />}
      {query.isError && !query.data && (
        <ErrorState problem={query.error} retry={() => void query.refetch()} />
      )}
      {empty && !archived && adding === null && (
        <NoCards
          onAdd={() => write()}
          onExample={() => write({ title: say.empty.exampleTitle, body: say.empty.exampleBody })}
        />
      )}
      {empty && archived && <NoArchived onBack={() => onArchived(false)} />}
      {!empty && hidden === all && all > 0 && (
        <NoMatch hidden={hidden} onClear={() => onFilter({ q: "", only: null })} />
      )}
      {query.data !== undefined && hidden < all && (
        <LanesView
          board={kept}
          hidden={hiddenBy(board, kept)}
          actions={actions}
          selection={picked.selection}
          toggle={picked.toggle}
          clearSelection={picked.clear}
          openBulkMenu={openBulkMenu}
          move={move}
          since={since}
          fixed={archived}
          adding={adding}
          onAdd={setAdding}
          lane={laneOf(search)}
          onLane={onLane}
          wish={card.wish}
          adder={
            adding && (
              <QuickAdd
                project={project.id}
                lane={adding}
                onClose={() => setAdding(null)}
                onAdded={() => undefined}
                onDetails={(title) => write({ title, body: "" }, adding)}
              />
            )
          }
        />
      )}
      {ids.length > 0 && (
        <SelectionBar
          count={ids.length}
          archived={archived}
          menuRef={bulkMenu}
          onMove={(lane) => bulk(() => moveAll(ids, lane))}
          onArchive={() => bulk(() => put(ids, "archive"))}
          onRestore={() => bulk(() => put(ids, "restore"))}
          onClear={picked.clear}
        />
      )}
      <Drawers
        project={project.id}
        board={board}
        card={card}
        lane={laneOf(search)}
        seed={seed}
        apply={apply}
      />
    </div>
  );
}

function useSelection(board: Board) {
  const [selection, setSelection] = useState<Selection>(none);
  const toggle = useCallback((id: string) => {
    setSelection((old) => {
      const next = toggled(old, id);
      if (next === null) toast.show({ title: say.select.full(SELECT_MAX), tone: "warn" });
      return next ?? old;
    });
  }, []);
  const clear = useCallback(() => setSelection(none), []);
  const ids = useMemo(() => selected(board, selection), [board, selection]);
  return { selection, ids, toggle, clear };
}

function hiddenBy(board: Board, kept: Board): Record<Lane, number> {
  const pairs = LANES.map((lane) => [lane, board[lane].length - kept[lane].length]);
  return Object.fromEntries(pairs) as Record<Lane, number>;
}
