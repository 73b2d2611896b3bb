import { useQuery } from "@tanstack/react-query";
import { Archive, ArchiveRestore, Ellipsis, Link2, Terminal } from "lucide-react";
import { type RefObject, useEffect, useRef, useState } from "react";
import { type Card, isProblem, useMay } from "../api";
import { queries } from "../api/queries";
import { LANES, type Lane } from "../board/lanes";
import { isLive } from "../board/state";
import { truncate } from "../lib/text";
import { card as say } from "../strings/card";
import {
  Button,
  Callout,
  Drawer,
  EmptyState,
  ErrorState,
  IconButton,
  Loading,
  Markdown,
  Menu,
  Select,
  Skeleton,
  Time,
} from "../ui";
import { copy } from "./copy";
import { Dependencies } from "./dependencies";
import type { Field } from "./edit";
import { Editor } from "./editor";
import { History } from "./history";
import { LiveRun } from "./live-run";
import { Runs } from "./runs";
import { Section } from "./section";
import { startCommand } from "./start";
import { StartRun } from "./start-run";
import { type EditState, useEdit } from "./use-edit";

/** Why the drawer was opened, when not just to look. */
export type Intent = "edit" | "start" | null;

export interface CardDrawerProps {
  id: string;
  intent: Intent;
  /** As the board shows it, so that the drawer opens with something in it. */
  known: Card | undefined;
  onClose: () => void;
  onMove: (card: Card, lane: Lane) => void;
  onArchive: (card: Card) => void;
  onRestore: (card: Card) => void;
}

export function CardDrawer(props: CardDrawerProps) {
  const { id, known, onClose } = props;
  const query = useQuery({ ...queries.card(id), placeholderData: known });
  const leaveEditor = useRef<(() => void) | null>(null);
  const card = query.data;
  // Escape in the editor leaves only that; the drawer closes with the next one.
  const close = () => {
    const writing = document.activeElement?.closest("[data-editor]") != null;
    if (writing && leaveEditor.current) leaveEditor.current();
    else onClose();
  };
  return (
    <Drawer
      open
      onOpenChange={(open) => open || close()}
      title={card ? truncate(card.title, 200) : say.drawer}
      header={card && <Bar {...props} card={card} />}
    >
      {card ? (
        <Loaded key={card.id} {...props} card={card} leaveEditor={leaveEditor} />
      ) : (
        <Missing
          pending={query.isPending}
          problem={query.error}
          retry={() => void query.refetch()}
        />
      )}
    </Drawer>
  );
}

function Missing(props: { pending: boolean; problem: unknown; retry: () => void }) {
  const { pending, problem, retry } = props;
  if (pending) return <Patches />;
  const gone = isProblem(problem, "not_found") || isProblem(problem, "invalid");
  if (gone) return <EmptyState title={say.notFound.title} body={say.notFound.body} />;
  return <ErrorState problem={problem} retry={retry} />;
}

interface LoadedProps extends CardDrawerProps {
  card: Card;
  leaveEditor: RefObject<(() => void) | null>;
}

function Loaded({ card, intent, leaveEditor, onRestore }: LoadedProps) {
  const state = useEdit(card);
  const [first, setFirst] = useState<Field>("title");
  const may = useMay();
  const archived = card.archived_at !== null;
  const fixed = archived || !may("card.edit");
  const { start, open, leave } = state;
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked for once, when the drawer opens.
  useEffect(() => {
    if (intent === "edit" && !fixed) start();
  }, [intent]);
  useEffect(() => {
    leaveEditor.current = open ? leave : null;
    return () => {
      leaveEditor.current = null;
    };
  }, [open, leave, leaveEditor]);
  const write = (field: Field) => {
    setFirst(field);
    start();
  };
  return (
    <>
      <div className="flex flex-col gap-3 px-4 py-3">
        {archived && (
          <Archived card={card} onRestore={may("card.restore") ? () => onRestore(card) : null} />
        )}
        {open ? (
          <Editor state={state} first={first} />
        ) : (
          <Words card={card} state={state} fixed={fixed} write={write} />
        )}
      </div>
      {!archived && <Work card={card} intent={intent} />}
      <Dependencies card={card} />
      <Runs card={card.id} expected={card.run !== null} />
      <History card={card.id} />
      <p className="px-4 pb-6 text-xs text-faint">
        {say.created} <Time at={card.created_at} /> · {say.updated} <Time at={card.updated_at} />
      </p>
    </>
  );
}

function Work({ card, intent }: { card: Card; intent: Intent }) {
  const may = useMay();
  const live = card.run !== null && isLive(card.run_state);
  const waiting = card.run_state === "waiting";
  const title = live
    ? waiting
      ? say.live.waitingTitle
      : say.live.title
    : card.run
      ? say.start.again
      : say.start.title;
  if (!live && !may("run.start")) return null;
  return (
    <Section title={title}>
      {live && card.run ? (
        <LiveRun card={card} run={card.run} />
      ) : (
        <StartRun card={card} wanted={intent === "start"} />
      )}
    </Section>
  );
}

function Bar({ card, onMove, onArchive, onRestore }: CardDrawerProps & { card: Card }) {
  const may = useMay();
  const fixed = card.archived_at !== null;
  const puts = may(fixed ? "card.restore" : "card.archive");
  return (
    <div className="flex items-center gap-1">
      <Select
        size="sm"
        aria-label={say.lane}
        className="w-32"
        disabled={fixed || !may("card.move")}
        value={card.lane}
        onValueChange={(lane) => onMove(card, lane)}
        options={LANES.map((lane) => ({ value: lane, label: lane }))}
      />
      <span className="flex-1" />
      <IconButton label={say.copyLink} onClick={() => void copy(linkTo(card))}>
        <Link2 aria-hidden />
      </IconButton>
      <Menu
        trigger={
          <IconButton label={say.more}>
            <Ellipsis aria-hidden />
          </IconButton>
        }
        items={[
          {
            label: say.copyCommand,
            icon: <Terminal aria-hidden />,
            onSelect: () => void copy(startCommand(card.id, null)),
          },
          { label: say.copyId, onSelect: () => void copy(card.id) },
          ...(puts
            ? [
                "separator" as const,
                fixed
                  ? {
                      label: say.restore,
                      icon: <ArchiveRestore aria-hidden />,
                      onSelect: () => onRestore(card),
                    }
                  : {
                      label: say.archive,
                      icon: <Archive aria-hidden />,
                      onSelect: () => onArchive(card),
                    },
              ]
            : []),
        ]}
      />
    </div>
  );
}

function Archived({ card, onRestore }: { card: Card; onRestore: (() => void) | null }) {
  return (
    <Callout
      tone="neutral"
      action={
        onRestore && (
          <Button size="sm" onClick={onRestore}>
            {say.restore}
          </Button>
        )
      }
    >
      {say.archivedNote} {card.archived_at && <Time at={card.archived_at} />}
    </Callout>
  );
}

interface WordsProps {
  card: Card;
  state: EditState;
  fixed: boolean;
  write: (field: Field) => void;
}

/** What the card says. */
function Words({ card, state, fixed, write }: WordsProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  // Else the choice of the lane would have the focus first, and an arrow key would move the card.
  useEffect(() => heading.current?.focus(), []);
  return (
    <>
      {state.dirty && state.edit && !fixed && (
        <Callout
          tone="warn"
          action={
            <span className="flex flex-wrap gap-1">
              <Button size="sm" onClick={() => write("title")}>
                {say.goOn}
              </Button>
              <Button size="sm" variant="ghost" onClick={state.discard}>
                {say.discard}
              </Button>
            </span>
          }
        >
          {say.unsaved}
        </Callout>
      )}
      <div className="flex items-start gap-2">
        <h2
          ref={heading}
          tabIndex={-1}
          data-focus-quiet
          dir="auto"
          className="max-h-60 min-w-0 flex-1 overflow-y-auto text-xl font-semibold break-words text-ink"
        >
          {card.title}
        </h2>
        {!fixed && (
          <Button size="sm" variant="ghost" onClick={() => write("title")}>
            {say.edit}
          </Button>
        )}
      </div>
      {card.body.trim() === "" ? (
        <p className="text-faint">
          {say.bodyEmpty}{" "}
          {!fixed && (
            <Button size="sm" variant="ghost" onClick={() => write("body")}>
              {say.addDetails}
            </Button>
          )}
        </p>
      ) : (
        <Markdown text={card.body} />
      )}
    </>
  );
}

function Patches() {
  return (
    <div className="flex flex-col gap-3 p-4">
      <Loading label={say.loading} />
      <Skeleton className="h-7 w-3/4" />
      <Skeleton className="h-24" />
      <Skeleton className="h-16" />
      <Skeleton className="h-32" />
    </div>
  );
}

function linkTo(card: Card): string {
  const address = new URL(`/projects/${encodeURIComponent(card.project)}`, location.href);
  address.searchParams.set("card", card.id);
  return address.href;
}
