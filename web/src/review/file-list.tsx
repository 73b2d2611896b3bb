import { useVirtualizer } from "@tanstack/react-virtual";
import { Check, Folder, TriangleAlert } from "lucide-react";
import { useMemo, useRef } from "react";
import { review as words } from "../strings/review";
import { Button, cn, Input } from "../ui";
import { Counts } from "./counts";
import type { FileDiff } from "./diff/types";
import { type Entry, type ListRow, listRows, nameOf } from "./files";
import { flagReason } from "./flags";

const ROW_PX = 28;

export interface FileListProps {
  /** After the filter. */
  entries: readonly Entry[];
  all: number;
  seen: number;
  query: string;
  onQuery: (query: string) => void;
  isViewed: (file: FileDiff) => boolean;
  current: FileDiff | null;
  onOpen: (file: FileDiff) => void;
  className?: string;
}

/** What changed, by folder; the way to each file. */
export function FileList(props: FileListProps) {
  const { entries, all, seen, query, onQuery, className } = props;
  const text = words.files;
  return (
    <nav aria-label={text.title} className={cn("flex min-h-0 flex-col gap-2", className)}>
      <Progress seen={seen} all={all} />
      <Input
        type="search"
        value={query}
        data-review-filter
        aria-label={text.filterHint}
        placeholder={text.filter}
        onChange={(event) => onQuery(event.target.value)}
        onKeyDown={(event) => {
          const first = entries[0];
          if (event.key === "Enter" && first) props.onOpen(first.file);
          if (event.key === "Escape") onQuery("");
        }}
      />
      {entries.length === 0 && query.trim() !== "" ? (
        <div className="flex flex-col items-start gap-2 text-sm text-muted">
          <p>{text.none(query.trim())}</p>
          <Button size="sm" onClick={() => onQuery("")}>
            {text.clear}
          </Button>
        </div>
      ) : (
        <Rows {...props} />
      )}
    </nav>
  );
}

function Progress({ seen, all }: { seen: number; all: number }) {
  const label = words.files.viewed(seen, all);
  return (
    <div className="flex flex-col gap-1">
      <p className="text-xs text-muted" aria-live="polite">
        {label}
      </p>
      <div aria-hidden className="h-1 overflow-hidden rounded-sm bg-neutral-soft">
        <div
          className="h-full bg-accent"
          style={{ width: `${all === 0 ? 0 : (100 * seen) / all}%` }}
        />
      </div>
    </div>
  );
}

function Rows({ entries, isViewed, current, onOpen }: FileListProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useMemo(() => listRows(entries), [entries]);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 15,
  });
  return (
    <div ref={scroller} className="-mx-1 min-h-24 flex-1 overflow-y-auto px-1">
      <ul className="relative" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index];
          if (!row) return null;
          return (
            <li
              key={item.key}
              aria-setsize={rows.length}
              aria-posinset={item.index + 1}
              className="absolute top-0 left-0 w-full"
              style={{ height: ROW_PX, transform: `translateY(${item.start}px)` }}
            >
              <RowOf row={row} isViewed={isViewed} current={current} onOpen={onOpen} />
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function RowOf({
  row,
  isViewed,
  current,
  onOpen,
}: { row: ListRow } & Pick<FileListProps, "isViewed" | "current" | "onOpen">) {
  const text = words.files;
  if (row.kind === "folder") {
    const Icon = row.flagged ? TriangleAlert : Folder;
    return (
      <p
        title={row.path}
        className={cn(
          "flex h-full items-end gap-1.5 pb-1 text-xs",
          row.flagged ? "text-warn-ink" : "text-muted",
        )}
      >
        <Icon aria-hidden className="size-3.5 shrink-0" />
        <span dir="ltr" className="truncate">
          {row.flagged ? text.flagged : row.path || text.root}
        </span>
      </p>
    );
  }
  const { file, flags } = row.entry;
  const seen = isViewed(file);
  const why = flags.map((flag) => flagReason(flag, file.path)).join("\n");
  return (
    <button
      type="button"
      title={why ? `${file.path}\n${why}` : file.path}
      aria-current={current === file ? "true" : undefined}
      onClick={() => onOpen(file)}
      className={cn(
        "flex h-full w-full items-center gap-1.5 rounded-md px-1.5 text-left text-sm hover:bg-hover",
        current === file && "bg-accent-soft",
        seen ? "text-muted" : "text-ink",
      )}
    >
      <span
        aria-hidden
        className={cn("w-3 shrink-0 text-center font-mono text-xs", LETTER[file.status])}
      >
        {text.letter[file.status]}
      </span>
      <span className="sr-only">{`${text.status[file.status]}: `}</span>
      <span dir="ltr" className="min-w-0 flex-1 truncate">
        {flags.length > 0 ? file.path : nameOf(file.path)}
      </span>
      {seen && (
        <>
          <Check aria-hidden className="size-3.5 shrink-0 text-ok-ink" />
          <span className="sr-only">{text.isViewed}</span>
        </>
      )}
      {!seen && <Counts additions={file.additions} deletions={file.deletions} />}
    </button>
  );
}

const LETTER: Record<string, string> = {
  added: "text-ok-ink",
  deleted: "text-danger-ink",
  renamed: "text-info-ink",
  copied: "text-info-ink",
  mode: "text-warn-ink",
  modified: "text-muted",
};
