import { Archive, ArchiveRestore, X } from "lucide-react";
import type { Ref } from "react";
import { board as say } from "../strings/board";
import { Button, IconButton, Menu } from "../ui";
import { LANES, type Lane } from "./lanes";

/** What can be done to all cards that are selected. */
export function SelectionBar(props: {
  count: number;
  archived: boolean;
  menuRef: Ref<HTMLButtonElement>;
  /** Null, each, where this person may not. */
  onMove: ((lane: Lane) => void) | null;
  onArchive: (() => void) | null;
  onRestore: (() => void) | null;
  onClear: () => void;
}) {
  const { count, archived, menuRef, onMove, onArchive, onRestore, onClear } = props;
  return (
    <section
      aria-label={say.select.bar}
      className="absolute inset-x-2 bottom-2 z-30 mx-auto flex w-fit max-w-full flex-wrap items-center gap-2 rounded-lg border border-line bg-raised px-3 py-2 shadow-floating"
    >
      <p role="status" className="text-sm font-medium text-ink">
        {say.select.count(count)}
      </p>
      {archived ? (
        onRestore && (
          <Button size="sm" icon={<ArchiveRestore aria-hidden />} onClick={onRestore}>
            {say.select.restore}
          </Button>
        )
      ) : (
        <>
          {onMove && (
            <Menu
              align="start"
              trigger={
                <Button ref={menuRef} size="sm">
                  {say.select.move}
                </Button>
              }
              items={LANES.map((lane) => ({ label: lane, onSelect: () => onMove(lane) }))}
            />
          )}
          {onArchive && (
            <Button size="sm" icon={<Archive aria-hidden />} onClick={onArchive}>
              {say.select.archive}
            </Button>
          )}
        </>
      )}
      <IconButton size="sm" label={say.select.clear} onClick={onClear}>
        <X aria-hidden />
      </IconButton>
    </section>
  );
}
