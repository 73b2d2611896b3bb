import { ChevronDown, ChevronUp } from "lucide-react";
import { type FormEvent, type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import type { Run } from "../api/types";
import { run as words } from "../strings/run";
import { IconButton, Input, Select } from "../ui";
import { ActivityList } from "./activity";
import type { ActivityModel } from "./activity-model";
import type { RunEvent } from "./event";
import { FILTERS, type Filter, isFilter } from "./filters";
import { goal, search } from "./find";
import type { Journal } from "./journal";
import { useActivity } from "./use-activity";
import { useRows } from "./use-rows";

export interface Target {
  seq: number;
  /** Counts up, so that going to the same place again is news. */
  turn: number;
}

interface ActivityViewProps {
  run: Run;
  last: number;
  told: Journal;
  filter: Filter;
  target: Target | null;
  /** The event that the address names. */
  marked: number | null;
  onFilter: (filter: Filter) => void;
  onGo: (seq: number) => void;
  onOpenOutput: (event: RunEvent) => void;
}

/** What happened, with what narrows it and finds things in it. */
export function ActivityView(props: ActivityViewProps) {
  const { run, last, told, filter, target, marked, onFilter, onGo, onOpenOutput } = props;
  const [protocol, setProtocol] = useState(false);
  const model = useActivity(run.id, last, filter, protocol);
  const view = useRows(model, target?.seq ?? marked ?? "end");
  const { jump } = view;
  const gone = useRef(target?.turn ?? 0);
  useEffect(() => {
    if (!target || target.turn === gone.current) return;
    gone.current = target.turn;
    jump(target.seq);
  }, [target, jump]);

  const choose = (value: string) => {
    setProtocol(value === "protocol");
    onFilter(isFilter(value) ? value : "all");
  };
  const options = [...FILTERS, "protocol" as const].map((value) => ({
    value,
    label: words.filter[value] ?? value,
  }));
  return (
    <div className="flex h-full min-h-0 flex-col gap-2">
      <div className="grid grid-cols-2 items-center gap-2 sm:flex sm:flex-wrap">
        <Select
          size="sm"
          aria-label={words.filter.label}
          className="sm:w-40"
          value={protocol ? "protocol" : filter}
          onValueChange={choose}
          options={options}
        />
        <GoTo last={last} told={told} onGo={onGo} />
        <Search model={model} last={last} onGo={jump} />
      </div>
      <ActivityList
        run={run}
        model={model}
        view={view}
        last={last}
        filter={filter}
        marked={marked}
        onFilter={onFilter}
        onOpenOutput={onOpenOutput}
      />
    </div>
  );
}

function GoTo({ last, told, onGo }: { last: number; told: Journal; onGo: (seq: number) => void }) {
  const [text, setText] = useState("");
  const [missed, setMissed] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim() === "") return;
    const seq = goal(text, last, told, words.stepName);
    setMissed(seq === null ? text : "");
    if (seq === null) return;
    setText("");
    onGo(seq);
  };
  return (
    <form onSubmit={submit} className="flex min-w-0 flex-wrap items-center gap-x-2">
      <Input
        aria-label={words.activity.goTo}
        placeholder={words.activity.goToPlaceholder}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setMissed("");
        }}
        className="h-7 w-full text-sm sm:w-40"
      />
      <span role="status" className="text-sm text-warn-ink">
        {missed !== "" && words.activity.goToNone(missed)}
      </span>
    </form>
  );
}

/** Time after the last key until what is loaded is looked through. */
const SEARCH_MS = 150;

function Search({
  model,
  last,
  onGo,
}: {
  model: ActivityModel;
  last: number;
  onGo: (seq: number) => void;
}) {
  const [text, setText] = useState("");
  const [wanted, setWanted] = useState("");
  // None is looked at yet.
  const [at, setAt] = useState(-1);
  useEffect(() => {
    const timer = setTimeout(() => {
      setWanted(text);
      setAt(-1);
    }, SEARCH_MS);
    return () => clearTimeout(timer);
  }, [text]);
  const { found, loaded } = useMemo(() => {
    const held = wanted.trim() === "" ? [] : model.held();
    return { found: search(held, wanted), loaded: held.length };
  }, [model, wanted]);
  const go = (to: number) => {
    if (found.length === 0) return;
    const next = (to + found.length) % found.length;
    setAt(next);
    const seq = found[next];
    if (seq !== undefined) onGo(seq);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    go(event.shiftKey ? at - 1 : at + 1);
  };
  const asked = wanted.trim() !== "";
  return (
    <search className="col-span-2 flex flex-1 items-center gap-1">
      <Input
        type="search"
        aria-label={words.search.label}
        placeholder={words.search.placeholder}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
        className="h-7 min-w-0 flex-1 text-sm sm:max-w-48"
      />
      {asked && found.length > 0 && (
        <>
          <IconButton size="sm" label={words.search.previous} onClick={() => go(at - 1)}>
            <ChevronUp aria-hidden />
          </IconButton>
          <IconButton size="sm" label={words.search.next} onClick={() => go(at + 1)}>
            <ChevronDown aria-hidden />
          </IconButton>
        </>
      )}
      <span role="status" className="text-sm text-muted">
        {asked &&
          (found.length === 0
            ? words.search.none(loaded, last)
            : words.search.found(Math.max(at, 0) + 1, found.length, loaded))}
      </span>
    </search>
  );
}
