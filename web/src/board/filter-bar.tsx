import { Archive, Search, X } from "lucide-react";
import { type Ref, useEffect, useRef, useState } from "react";
import { count } from "../lib/text";
import { board as say } from "../strings/board";
import { cn, IconButton, Input, Kbd } from "../ui";
import { type Filter, isFiltering, ONLY, type Only, QUERY_MAX } from "./filter";

/** The address follows the typing this much later. In milliseconds. */
const SETTLE = 120;

export interface FilterBarProps {
  filter: Filter;
  counts: Readonly<Record<Only, number>>;
  hidden: number;
  archived: boolean;
  onFilter: (filter: Filter) => void;
  onArchived: (archived: boolean) => void;
  searchRef: Ref<HTMLInputElement>;
}

export function FilterBar(props: FilterBarProps) {
  const { filter, counts, hidden, archived, onFilter, onArchived } = props;
  const toggle = (only: Only) => onFilter({ ...filter, only: filter.only === only ? null : only });
  return (
    <search
      aria-label={say.filter.label}
      className="-mx-1 flex shrink-0 items-center gap-1.5 overflow-x-auto px-1 pt-0.5 pb-2 md:flex-wrap"
    >
      <SearchField {...props} />
      {ONLY.map((only) => (
        <Chip key={only} on={filter.only === only} onClick={() => toggle(only)}>
          {say.filter[only]}
          {counts[only] > 0 && (
            <span
              className={cn(
                "text-xs tabular-nums",
                only === "waiting" && "font-semibold text-accent-ink",
              )}
            >
              {count(counts[only])}
            </span>
          )}
        </Chip>
      ))}
      <Chip on={archived} onClick={() => onArchived(!archived)}>
        <Archive aria-hidden className="size-3.5" />
        {say.filter.archived}
      </Chip>
      <p role="status" className="shrink-0 text-sm text-muted">
        {hidden > 0 && say.filter.hidden(hidden)}
      </p>
      {isFiltering(filter) && (
        <button
          type="button"
          className="h-7 shrink-0 rounded-md px-2 text-sm text-accent hover:underline"
          onClick={() => onFilter({ q: "", only: null })}
        >
          {say.filter.clear}
        </button>
      )}
    </search>
  );
}

function SearchField({ filter, onFilter, searchRef }: FilterBarProps) {
  const [text, setText] = useState(filter.q);
  const sent = useRef(filter.q);
  const latest = useRef({ filter, onFilter });
  latest.current = { filter, onFilter };
  // The address changed by another way than by typing here: back, a link, the clear button.
  useEffect(() => {
    if (filter.q === sent.current) return;
    sent.current = filter.q;
    setText(filter.q);
  }, [filter.q]);
  useEffect(() => {
    if (text === sent.current) return;
    const timer = setTimeout(() => {
      sent.current = text;
      latest.current.onFilter({ ...latest.current.filter, q: text });
    }, SETTLE);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <div className="relative w-52 shrink-0 max-md:w-40">
      <Search
        aria-hidden
        className="pointer-events-none absolute top-1/2 left-2 size-4 -translate-y-1/2 text-faint"
      />
      <Input
        ref={searchRef}
        type="text"
        inputMode="search"
        dir="auto"
        aria-label={say.filter.search}
        placeholder={say.filter.placeholder}
        maxLength={QUERY_MAX}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.preventDefault();
          if (text === "") event.currentTarget.blur();
          else setText("");
        }}
        className="h-7 pr-7 pl-7.5 text-sm"
      />
      <span className="absolute top-1/2 right-0.5 -translate-y-1/2">
        {text === "" ? (
          <Kbd keys="/" className="mr-1 max-md:hidden" />
        ) : (
          <IconButton
            size="sm"
            className="size-6"
            label={say.filter.clearSearch}
            onClick={() => setText("")}
          >
            <X aria-hidden />
          </IconButton>
        )}
      </span>
    </div>
  );
}

function Chip(props: { on: boolean; onClick: () => void; children: React.ReactNode }) {
  const { on, onClick, children } = props;
  return (
    <button
      type="button"
      aria-pressed={on}
      onClick={onClick}
      className={cn(
        "flex h-7 shrink-0 items-center gap-1.5 rounded-md border px-2 text-sm whitespace-nowrap",
        on
          ? "border-accent bg-accent-soft font-medium text-accent-ink"
          : "border-line bg-raised text-muted hover:bg-hover hover:text-ink",
      )}
    >
      {children}
    </button>
  );
}
