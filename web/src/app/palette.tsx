import {
  CircleDot,
  CornerDownLeft,
  FolderGit2,
  type LucideIcon,
  Play,
  Search,
  SquareKanban,
  Zap,
} from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from "react";
import { app } from "../strings/app";
import { cn, Kbd, useReturnFocus } from "../ui";
import { type PaletteRow, usePaletteRows } from "./palette-entries";
import { grouped, type PaletteKind, rank } from "./palette-rank";

const ICON: Record<PaletteKind, LucideIcon> = {
  action: Zap,
  page: CornerDownLeft,
  project: FolderGit2,
  card: SquareKanban,
  run: Play,
};

/** Goes anywhere and does what the page offers. Open while it is mounted. */
export default function Palette({ onClose }: { onClose: () => void }) {
  const [query, setQuery] = useState("");
  const [chosen, setChosen] = useState(0);
  const { rows, loading } = usePaletteRows();
  const giveBack = useReturnFocus(true);
  const groups = useMemo(() => grouped(rank(rows, query)), [rows, query]);
  const flat = groups.flatMap(([, group]) => group);
  const at = Math.min(chosen, Math.max(0, flat.length - 1));
  const list = useRef<HTMLDivElement>(null);
  const id = useId();

  // biome-ignore lint/correctness/useExhaustiveDependencies: the row that is chosen is found in the list.
  useEffect(() => {
    list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [at, query]);

  function select(row: PaletteRow | undefined) {
    if (row === undefined) return;
    onClose();
    // After the dialog has given the focus back, so that what the row opens can keep it.
    setTimeout(row.select);
  }

  function onKeyDown(event: KeyboardEvent) {
    if (event.nativeEvent.isComposing) return;
    const step = STEPS[event.key];
    if (event.key === "Enter") select(flat[at]);
    else if (step !== undefined && flat.length > 0) {
      setChosen(Math.min(flat.length - 1, Math.max(0, wrap(at + step, flat.length, step))));
    } else return;
    event.preventDefault();
  }

  return (
    <Radix.Root open onOpenChange={onClose}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-scrim" />
        <Radix.Content
          {...giveBack}
          aria-describedby={undefined}
          className="fixed inset-x-2 top-[10vh] z-50 mx-auto flex max-h-[70vh] max-w-xl animate-rise flex-col rounded-lg border border-line bg-raised shadow-floating"
        >
          <Radix.Title className="sr-only">{app.palette.title}</Radix.Title>
          <div className="flex items-center gap-2 border-line border-b px-3">
            <Search aria-hidden className="size-4 shrink-0 text-faint" />
            <input
              // biome-ignore lint/a11y/noAutofocus: the dialog is opened to type in it.
              autoFocus
              role="combobox"
              aria-expanded
              aria-autocomplete="list"
              aria-controls={`${id}-list`}
              aria-activedescendant={flat.length > 0 ? `${id}-${at}` : undefined}
              aria-label={app.palette.title}
              placeholder={app.palette.placeholder}
              autoComplete="off"
              spellCheck={false}
              data-focus-quiet
              value={query}
              onChange={(event) => {
                setQuery(event.target.value);
                setChosen(0);
              }}
              onKeyDown={onKeyDown}
              className="h-11 min-w-0 flex-1 bg-transparent text-lg text-ink placeholder:text-faint"
            />
          </div>
          <div
            ref={list}
            id={`${id}-list`}
            role="listbox"
            aria-label={app.palette.title}
            className="min-h-0 flex-1 overflow-y-auto p-1"
          >
            {groups.map(([kind, group]) => (
              // biome-ignore lint/a11y/useSemanticElements: a group of options, not of fields.
              <div key={kind} role="group" aria-labelledby={`${id}-${kind}`}>
                <div id={`${id}-${kind}`} className="px-2 pt-2 pb-1 text-xs text-faint">
                  {app.palette.groups[kind]}
                </div>
                {group.map((row) => {
                  const place = flat.indexOf(row);
                  return (
                    <Row
                      key={row.id}
                      id={`${id}-${place}`}
                      row={row}
                      chosen={place === at}
                      onPoint={() => setChosen(place)}
                      onSelect={() => select(row)}
                    />
                  );
                })}
              </div>
            ))}
          </div>
          {flat.length === 0 && (
            <div className="px-4 pt-4 pb-8 text-center">
              <p className="font-medium">{loading ? app.palette.loading : app.palette.nothing}</p>
              <p className="text-sm text-muted">{app.palette.nothingHint}</p>
            </div>
          )}
          <p role="status" className="sr-only">
            {app.palette.results(flat.length)}
          </p>
          <Hints />
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

const STEPS: Record<string, number> = {
  ArrowDown: 1,
  ArrowUp: -1,
  PageDown: 8,
  PageUp: -8,
};

/** One step past an end comes back at the other; a page stops there. */
function wrap(at: number, length: number, step: number): number {
  return Math.abs(step) === 1 ? (at + length) % length : at;
}

interface RowProps {
  id: string;
  row: PaletteRow;
  chosen: boolean;
  onPoint: () => void;
  onSelect: () => void;
}

function Row({ id, row, chosen, onPoint, onSelect }: RowProps) {
  const Icon = ICON[row.kind] ?? CircleDot;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the field above has the keys.
    // biome-ignore lint/a11y/useFocusableInteractive: the field keeps the focus and points here.
    <div
      id={id}
      role="option"
      aria-selected={chosen}
      onClick={onSelect}
      onMouseMove={chosen ? undefined : onPoint}
      className={cn(
        "flex min-h-8 cursor-pointer items-center gap-2 rounded-md px-2 py-1 [&_svg]:size-4 [&_svg]:shrink-0",
        chosen && "bg-hover",
      )}
    >
      <span className="text-faint">{row.icon ?? <Icon aria-hidden />}</span>
      <span dir="auto" className="min-w-0 flex-1 truncate text-ink">
        {row.label}
      </span>
      {row.hint !== undefined && (
        <span className="max-w-[45%] shrink-0 truncate text-sm text-faint">{row.hint}</span>
      )}
      {row.keys !== undefined && <Kbd keys={row.keys} />}
    </div>
  );
}

function Hints() {
  return (
    <div className="hidden gap-4 border-line border-t px-3 py-1.5 text-xs text-faint sm:flex">
      <span className="flex items-center gap-1">
        <Kbd keys="arrowup arrowdown" /> {app.palette.keys.move}
      </span>
      <span className="flex items-center gap-1">
        <Kbd keys="enter" /> {app.palette.keys.choose}
      </span>
      <span className="flex items-center gap-1">
        <Kbd keys="escape" /> {app.palette.keys.close}
      </span>
    </div>
  );
}
