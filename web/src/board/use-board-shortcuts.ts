import { useEffect, useRef } from "react";
import type { Act } from "../api";
import { usePaletteActions } from "../app/palette-actions";
import { useShortcuts } from "../app/shortcuts";
import { board as say } from "../strings/board";
import { ONLY, type Only } from "./filter";
import { directionOf } from "./navigate";

interface Options {
  archived: boolean;
  may: (act: Act) => boolean;
  only: Only | null;
  onNew: () => void;
  onSearch: () => void;
  onOnly: (only: Only | null) => void;
  onArchived: (archived: boolean) => void;
  onUndo: () => boolean;
  /** Brings the focus onto the board. */
  onFocusBoard: () => void;
}

/** The board's keys and what it adds to the palette. Keys of a card are handled where the card has the focus. */
export function useBoardShortcuts(options: Options) {
  const { archived, may, only, onNew, onSearch, onOnly, onArchived, onUndo, onFocusBoard } =
    options;
  const { keys } = say;
  const adds = may("card.add");
  const moves = may("card.move");
  const archives = may("card.archive");
  useShortcuts(keys.section, [
    ...(adds ? [{ keys: "c", label: keys.newCard, run: archived ? undefined : onNew }] : []),
    { keys: "/", label: keys.search, run: onSearch },
    { keys: "j", label: keys.down, run: onFocusBoard },
    { keys: "k", label: keys.up, run: onFocusBoard },
    { keys: "h", label: keys.left, run: onFocusBoard },
    { keys: "l", label: keys.right, run: onFocusBoard },
    { keys: "enter", label: keys.open },
    ...(moves ? [{ keys: "space", label: keys.lift }] : []),
    { keys: "m", label: keys.menu },
    ...(may("run.start") ? [{ keys: "s", label: keys.start }] : []),
    ...(may("card.edit") ? [{ keys: "e", label: keys.edit }] : []),
    ...(moves || archives ? [{ keys: "x", label: keys.select }] : []),
    ...(archives ? [{ keys: "#", label: keys.archive }] : []),
    ...(moves || archives ? [{ keys: "mod+z", label: keys.undo, run: onUndo }] : []),
  ]);
  usePaletteActions([
    ...(archived || !adds
      ? []
      : [{ id: "new-card", label: say.newCard, keys: "c", onSelect: onNew }]),
    { id: "search-cards", label: say.filter.search, keys: "/", onSelect: onSearch },
    ...ONLY.map((one) => ({
      id: `only-${one}`,
      label: say.filter.show(say.filter[one]),
      onSelect: () => onOnly(only === one ? null : one),
    })),
    {
      id: "archive",
      label: archived ? say.archive.back : say.filter.show(say.filter.archived),
      onSelect: () => onArchived(!archived),
    },
  ]);
  useArrows(onFocusBoard);
}

/** An arrow key leads onto the board from where nothing else wants it: the page itself and its heading. */
function useArrows(onFocusBoard: () => void) {
  const latest = useRef(onFocusBoard);
  latest.current = onFocusBoard;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const { target } = event;
      const nowhere =
        target === document.body ||
        (target instanceof Element && target.matches("[data-page-heading],#main"));
      if (event.defaultPrevented || !nowhere || !event.key.startsWith("Arrow")) return;
      if (event.ctrlKey || event.metaKey || event.altKey || !directionOf(event.key)) return;
      event.preventDefault();
      latest.current();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
}
