import { Plus, Settings } from "lucide-react";
import { useCallback, useDeferredValue, useMemo, useRef, useState } from "react";
import { type Project, useMay } from "../api";
import { QuickAdd } from "../card/quick-add";
import { board as say } from "../strings/board";
import { Button, ButtonLink, PageHeader } from "../ui";
import { BoardBody } from "./board-body";
import { Drawers } from "./drawers";
import { filtered, tally } from "./filter";
import { FilterBar } from "./filter-bar";
import type { Lane } from "./lanes";
import { SelectionBar } from "./selection-bar";
import { useActions } from "./use-actions";
import { useBoard } from "./use-board";
import { useBoardSearch } from "./use-board-search";
import { useBoardShortcuts } from "./use-board-shortcuts";
import { useOpenCard } from "./use-open-card";
import { useSelection } from "./use-selection";
import { useSince } from "./use-since";

/** What a new card begins with when it was begun elsewhere: in the quick field, or as the example. */
export type Seed = { title: string; body: string; lane: Lane | null };

export function ProjectBoard({ project }: { project: Project }) {
  const may = useMay();
  const adds = may("card.add");
  const address = useBoardSearch();
  const { filter, archived, setFilter } = address;
  const cards = useBoard(project.id, archived ? "archive" : "board");
  const { board, apply } = cards;
  const shownBy = useDeferredValue(filter);
  const { board: kept, hidden } = useMemo(() => filtered(board, shownBy), [board, shownBy]);
  const counts = useMemo(() => tally(board), [board]);
  const picked = useSelection(kept);
  const open = useOpenCard();
  const { actions, move, moveAll, put } = useActions({
    project: project.id,
    board,
    apply,
    open: open.open,
    may,
  });
  const { seed, adding, setAdding, write } = useAdding(address.openNew);
  const selects = archived ? may("card.restore") : may("card.move") || may("card.archive");
  const since = useSince(project.id, board);
  const searchBox = useRef<HTMLInputElement>(null);
  const bulkMenu = useRef<HTMLButtonElement>(null);
  useBoardShortcuts({
    archived,
    only: filter.only,
    may,
    onNew: () => write(null),
    onSearch: () => searchBox.current?.focus(),
    onOnly: (only) => setFilter({ ...filter, only }),
    onArchived: address.setArchived,
    onUndo: cards.undo,
    onFocusBoard: () => open.focusBoard(null),
  });
  const bulk = (act: (ids: readonly string[]) => void) => {
    act(picked.ids);
    // The bar that had the focus goes with the selection.
    open.focusBoard(picked.ids[0] ?? null);
    picked.clear();
  };
  return (
    <div className="relative flex h-full min-h-0 flex-col">
      <Header project={project} onNew={adds ? () => write(null) : null} />
      <FilterBar
        filter={filter}
        counts={counts}
        hidden={hidden}
        archived={archived}
        searchRef={searchBox}
        onFilter={setFilter}
        onArchived={address.setArchived}
      />
      <BoardBody
        query={cards.query}
        board={board}
        kept={kept}
        hidden={hidden}
        archived={archived}
        onExample={adds ? write : null}
        onClear={() => setFilter({ q: "", only: null })}
        onBack={() => address.setArchived(false)}
        lanes={{
          actions,
          move,
          since,
          selection: picked.selection,
          // Without anything to do with what is selected there is nothing to select.
          toggle: selects ? picked.toggle : () => undefined,
          clearSelection: picked.clear,
          openBulkMenu: () => pressed(bulkMenu.current),
          adding,
          onAdd: adds ? setAdding : null,
          lane: address.lane,
          onLane: address.setLane,
          wish: open.wish,
          adder: adding && (
            <QuickAdd
              project={project.id}
              lane={adding}
              onClose={() => setAdding(null)}
              onDetails={(title) => write({ title, body: "", lane: adding })}
            />
          ),
        }}
      />
      {picked.ids.length > 0 && (
        <SelectionBar
          count={picked.ids.length}
          archived={archived}
          menuRef={bulkMenu}
          onMove={may("card.move") ? (lane) => bulk((ids) => moveAll(ids, lane)) : null}
          onArchive={may("card.archive") ? () => bulk((ids) => put(ids, "archive")) : null}
          onRestore={may("card.restore") ? () => bulk((ids) => put(ids, "restore")) : null}
          onClear={picked.clear}
        />
      )}
      <Drawers
        project={project.id}
        board={board}
        card={open}
        lane={seed?.lane ?? address.lane}
        seed={seed}
        adds={adds}
        apply={apply}
      />
    </div>
  );
}

function Header({ project, onNew }: { project: Project; onNew: (() => void) | null }) {
  return (
    <PageHeader
      title={project.name}
      className="pb-2"
      actions={
        <>
          <ButtonLink
            to="/projects/$project/settings"
            params={{ project: project.id }}
            aria-label={say.settings}
            title={say.settings}
            variant="ghost"
            icon={<Settings aria-hidden />}
          />
          {onNew !== null && (
            <Button variant="primary" icon={<Plus aria-hidden />} onClick={onNew}>
              <span className="max-sm:sr-only">{say.newCard}</span>
            </Button>
          )}
        </>
      }
    />
  );
}

/** The two ways to a new card: the quick field in a lane, and the form. */
function useAdding(openNew: () => void) {
  const [adding, setAdding] = useState<Lane | null>(null);
  const [seed, setSeed] = useState<Seed | null>(null);
  const write = useCallback(
    (from: Seed | null) => {
      setSeed(from);
      setAdding(null);
      openNew();
    },
    [openNew],
  );
  return { adding, setAdding, seed, write };
}

/** Opens the menu as a key on its button would; false when it is not there. */
function pressed(button: HTMLElement | null): boolean {
  button?.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
  return button !== null;
}
