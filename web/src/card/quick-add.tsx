import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { toProblem } from "../api";
import { isLane, type Lane } from "../board/lanes";
import { truncate } from "../lib/text";
import { card as say } from "../strings/card";
import { Button, Field, Spinner, Textarea, toast } from "../ui";
import { addCard } from "./add-card";
import { browserStorage, forget, keep, kept } from "./keep";
import { newKey } from "./once";
import {
  ENTRIES_MAX,
  type Entry,
  idle,
  isQuick,
  mark,
  type Quick,
  revived,
  settled,
  submit,
} from "./quick";

const nameOf = (project: string) => `quick.${project}`;

export interface QuickAddProps {
  project: string;
  lane: Lane;
  onClose: () => void;
  /** Goes on in the full form with what is typed. */
  onDetails: (title: string) => void;
}

/** One line at the head of a lane: Enter adds, and the field stays for the next card. */
export function QuickAdd({ project, lane, onClose, onDetails }: QuickAddProps) {
  const client = useQueryClient();
  const [quick, setQuick] = useQuick(project);
  const [problems, setProblems] = useState<ReadonlyMap<string, string>>(new Map());

  const here = useRef(true);
  useEffect(() => {
    here.current = true;
    return () => {
      here.current = false;
    };
  }, []);

  async function send(entry: Entry) {
    setQuick((old) => mark(old, entry.key, false));
    try {
      const { title, body, key } = entry;
      const target = isLane(entry.lane) ? entry.lane : lane;
      await addCard(client, { project, title, body, depends: [], lane: target, agent: null }, key);
      setQuick((old) => settled(old, key));
    } catch (error) {
      const { detail, title } = toProblem(error);
      if (!here.current) toast.show({ title: say.quick.failed, body: entry.title, tone: "danger" });
      setProblems((old) => new Map(old).set(entry.key, detail || title));
      setQuick((old) => mark(old, entry.key, true));
    }
  }

  function add() {
    const next = submit(quick, lane, newKey());
    if (!next) return;
    setQuick(() => next.quick);
    void send(next.entry);
  }

  return (
    <div className="flex flex-col gap-1 px-1.5 pb-1.5">
      <Field
        label={say.quick.label(lane)}
        labelHidden
        hint={say.quick.hint}
        error={quick.entries.length >= ENTRIES_MAX ? say.quick.full : null}
      >
        <Textarea
          autoFocus
          rows={1}
          maxRows={5}
          placeholder={say.quick.placeholder}
          value={quick.text}
          onChange={(event) => setQuick((old) => ({ ...old, text: event.target.value }))}
          onKeyDown={(event) => {
            if (event.nativeEvent.isComposing) return;
            if (event.key === "Escape") onClose();
            else if (event.key === "Enter" && !event.shiftKey) add();
            else return;
            event.preventDefault();
            event.stopPropagation();
          }}
        />
      </Field>
      <div className="flex gap-1">
        <Button size="sm" variant="primary" disabled={quick.text.trim() === ""} onClick={add}>
          {say.add.add}
        </Button>
        <Button size="sm" variant="ghost" onClick={() => onDetails(quick.text)}>
          {say.quick.details}
        </Button>
      </div>
      <ul aria-live="polite" className="flex flex-col gap-1">
        {quick.entries.map((entry) => (
          <Waiting
            key={entry.key}
            entry={entry}
            problem={problems.get(entry.key)}
            onRetry={() => void send(entry)}
            onDrop={() => setQuick((old) => settled(old, entry.key))}
          />
        ))}
      </ul>
    </div>
  );
}

function Waiting(props: {
  entry: Entry;
  problem: string | undefined;
  onRetry: () => void;
  onDrop: () => void;
}) {
  const { entry, problem, onRetry, onDrop } = props;
  return (
    <li className="rounded-md border border-line border-dashed px-2 py-1.5 text-sm">
      <p dir="auto" className="truncate text-muted">
        {truncate(entry.title, 120)}
      </p>
      {entry.failed ? (
        <div className="flex flex-wrap items-center gap-1">
          <span className="w-full text-danger-ink">{problem ?? say.quick.failed}</span>
          <Button size="sm" onClick={onRetry}>
            {say.quick.retry}
          </Button>
          <Button size="sm" variant="ghost" onClick={onDrop}>
            {say.quick.drop}
          </Button>
        </div>
      ) : (
        <span className="flex items-center gap-1 text-faint">
          <Spinner label={null} />
          {say.quick.sending}
        </span>
      )}
    </li>
  );
}

function useQuick(project: string) {
  const [quick, setQuick] = useState<Quick>(() =>
    revived(kept(browserStorage(), nameOf(project), isQuick) ?? idle),
  );
  useEffect(() => {
    if (quick.text === "" && quick.entries.length === 0) forget(browserStorage(), nameOf(project));
    else keep(browserStorage(), nameOf(project), quick);
  }, [quick, project]);
  return [quick, setQuick] as const;
}
