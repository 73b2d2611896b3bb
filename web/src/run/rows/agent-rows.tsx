import {
  Activity,
  BookOpen,
  Brain,
  Circle,
  CircleCheck,
  CircleDot,
  Globe,
  ListChecks,
  type LucideIcon,
  MessageSquare,
  Move,
  Pencil,
  Search,
  ShieldCheck,
  ShieldX,
  SquareTerminal,
  Trash2,
  Wrench,
} from "lucide-react";
import { useState } from "react";
import { run as words } from "../../strings/run";
import { Badge, Button, Markdown, Spinner } from "../../ui";
import { numberOf, planOf, type RunEvent, textOf, textsOf } from "../event";
import { Faint, Line } from "./parts";

/** Characters of one message that are drawn at once. */
const MESSAGE_MAX = 20_000;

export function MessageRow({ events }: { events: readonly RunEvent[] }) {
  const [all, setAll] = useState(false);
  const text = events.map((event) => textOf(event, "text")).join("");
  const cut = !all && text.length > MESSAGE_MAX;
  return (
    <Line
      icon={MessageSquare}
      tone="accent"
      more={
        <>
          <span className="sr-only">{words.row.message}</span>
          <Markdown
            text={cut ? text.slice(0, MESSAGE_MAX) : text}
            className="max-w-prose text-ink"
          />
          {cut && (
            <Button size="sm" variant="ghost" onClick={() => setAll(true)}>
              {words.row.moreText(text.length)}
            </Button>
          )}
        </>
      }
    />
  );
}

/** What an agent says to itself is long and rarely what one looks for. */
export function ThoughtRow({ events }: { events: readonly RunEvent[] }) {
  const text = events.map((event) => textOf(event, "text")).join("");
  const first = text.trim().split("\n", 1)[0] ?? "";
  return (
    <Line icon={Brain} tone="faint">
      <details className="min-w-0 flex-1">
        <summary className="cursor-pointer text-muted [&::-webkit-details-marker]:text-faint">
          <span className="sr-only">{words.row.thoughtShow}</span>
          <span dir="auto" className="italic">
            {first.length > 120 ? `${first.slice(0, 119)}…` : first || words.row.thought}
          </span>
        </summary>
        <div dir="auto" className="mt-1 max-w-prose whitespace-pre-wrap text-muted">
          {text.slice(0, MESSAGE_MAX)}
        </div>
      </details>
    </Line>
  );
}

const TOOL: Record<string, LucideIcon> = {
  read: BookOpen,
  edit: Pencil,
  delete: Trash2,
  move: Move,
  search: Search,
  execute: SquareTerminal,
  think: Brain,
  fetch: Globe,
};

function ToolState({ status }: { status: string }) {
  const name = words.row.toolStates[status] ?? status;
  if (status === "completed")
    return <CircleCheck aria-label={name} className="size-3.5 self-center text-ok-ink" />;
  if (status === "failed") return <Badge tone="danger">{name}</Badge>;
  return (
    <span className="inline-flex items-center gap-1 text-sm text-info-ink">
      {status === "in_progress" && <Spinner label={null} />}
      {name}
    </span>
  );
}

/** A tool call; `latest` is the last that was heard of it. */
export function ToolRow({ event, latest }: { event: RunEvent; latest: RunEvent }) {
  const kind = textOf(latest, "kind") || textOf(event, "kind");
  const title = textOf(latest, "title") || textOf(event, "title");
  const word = words.toolKind(kind);
  const paths = textsOf(latest, "paths");
  // Titles usually are the command or the path; what is in the title need not stand below it again.
  const more = paths.filter((path) => !title.includes(path));
  const [line = "", ...rest] = title.split("\n");
  const long = rest.length > 0 || line.length > 160;
  return (
    <Line
      icon={TOOL[kind] ?? Wrench}
      tone="neutral"
      more={
        (more.length > 0 || long) && (
          <details className="text-sm text-muted">
            <summary className="w-fit cursor-pointer text-faint">
              {long && more.length === 0 ? words.actions.more : words.row.toolPaths(more.length)}
            </summary>
            {long && <pre className="whitespace-pre-wrap font-mono text-sm">{title}</pre>}
            <ul className="font-mono text-sm">
              {more.map((path) => (
                <li key={path}>
                  <bdi>{path}</bdi>
                </li>
              ))}
            </ul>
          </details>
        )
      }
    >
      {!title.toLowerCase().startsWith(word.toLowerCase()) && (
        <span className="text-muted">{word}</span>
      )}
      <span dir="auto" className="min-w-0 font-mono text-sm">
        {line === "" ? words.row.toolUntitled : line.length > 160 ? `${line.slice(0, 159)}…` : line}
      </span>
      <ToolState status={textOf(latest, "status")} />
    </Line>
  );
}

export function PlanRow({ event }: { event: RunEvent }) {
  const entries = planOf(event);
  const done = entries.filter((entry) => entry.status === "completed").length;
  return (
    <Line
      icon={ListChecks}
      tone="accent"
      more={
        <ul className="mt-0.5 flex flex-col gap-0.5">
          {entries.map((entry, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a plan comes whole; its lines have no names.
            <li key={at} className="flex items-start gap-2">
              <PlanMark status={entry.status} />
              <span dir="auto" className={entry.status === "completed" ? "text-muted" : "text-ink"}>
                {entry.content}
              </span>
            </li>
          ))}
        </ul>
      }
    >
      <span className="font-medium">{words.row.plan}</span>
      <Faint>{words.row.planDone(done, entries.length)}</Faint>
    </Line>
  );
}

function PlanMark({ status }: { status: string }) {
  const name = words.row.planStates[status] ?? status;
  if (status === "completed")
    return <CircleCheck aria-label={name} className="mt-0.5 size-4 shrink-0 text-ok-ink" />;
  if (status === "in_progress")
    return <CircleDot aria-label={name} className="mt-0.5 size-4 shrink-0 text-info-ink" />;
  return <Circle aria-label={name} className="mt-0.5 size-4 shrink-0 text-faint" />;
}

export function PermissionRow({ event }: { event: RunEvent }) {
  const answer = textOf(event, "answered");
  const allowed = answer.startsWith("allow");
  return (
    <Line icon={allowed ? ShieldCheck : ShieldX} tone={allowed ? "ok" : "warn"}>
      <span className="text-muted">{words.row.permission}</span>
      <span dir="auto" className="min-w-0 font-mono text-sm">
        {textOf(event, "title")}
      </span>
      <span className={allowed ? "text-ok-ink" : "text-warn-ink"}>
        {words.row.permissionAnswer(answer)}
      </span>
    </Line>
  );
}

export function UsageRow({ event }: { event: RunEvent }) {
  const [input, output] = [
    numberOf(event, "input_tokens") ?? 0,
    numberOf(event, "output_tokens") ?? 0,
  ];
  const [requests, errors] = [numberOf(event, "requests"), numberOf(event, "errors") ?? 0];
  return (
    <Line icon={Activity} tone="faint">
      <span className="text-muted">{words.row.usage}</span>
      <Faint>
        {input + output === 0 ? words.usage.unknown : words.usage.tokens(input, output)}
      </Faint>
      {requests !== null && <Faint>{words.usage.requests(requests)}</Faint>}
      {errors > 0 && <span className="text-sm text-warn-ink">{words.usage.errors(errors)}</span>}
    </Line>
  );
}
