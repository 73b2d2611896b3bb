import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Inbox as InboxIcon } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import type { InboxItem } from "../api";
import { queries } from "../api/queries";
import { useShortcuts } from "../app/shortcuts";
import { inbox as words } from "../strings/inbox";
import { ButtonLink, EmptyState, ErrorState, Kbd, PageHeader } from "../ui";
import { groups, keyOf, stay, step } from "./groups";
import { InboxRow } from "./inbox-row";
import { InboxSkeleton } from "./inbox-skeleton";
import { placeOf } from "./place";

export default function InboxPage() {
  const query = useQuery(queries.inbox());
  const items = query.data;
  return (
    <div className="mx-auto max-w-4xl">
      <PageHeader
        title={items?.length ? words.counted(items.length) : words.title}
        heading={words.title}
      />
      {items === undefined ? (
        query.isError ? (
          <ErrorState problem={query.error} retry={() => query.refetch()} />
        ) : (
          <InboxSkeleton />
        )
      ) : items.length === 0 ? (
        <EmptyState
          title={words.empty.title}
          body={words.empty.body}
          icon={<InboxIcon />}
          action={<ButtonLink to="/projects">{words.empty.projects}</ButtonLink>}
        />
      ) : (
        <List items={items} />
      )}
    </div>
  );
}

function List({ items }: { items: readonly InboxItem[] }) {
  const sorted = groups(items);
  const flat = sorted.flatMap((group) => group.items);
  const { at, setAt, listRef } = useStanding(flat);
  return (
    <div ref={listRef} className="flex flex-col gap-6">
      {sorted.map((group) => (
        <section key={group.kind} aria-labelledby={`inbox-${group.kind}`}>
          <div className="flex flex-wrap items-baseline gap-x-2 pb-1">
            <h2 id={`inbox-${group.kind}`} className="font-semibold text-lg">
              {words.groups[group.kind].title}
            </h2>
            <span className="text-faint text-sm tabular-nums">{group.items.length}</span>
            <p className="text-muted text-sm">{words.groups[group.kind].body}</p>
          </div>
          <ul className="overflow-hidden rounded-lg border border-line bg-surface">
            {group.items.map((item) => (
              <InboxRow
                key={keyOf(item)}
                item={item}
                current={keyOf(item) === at}
                onFocus={() => setAt(keyOf(item))}
              />
            ))}
          </ul>
        </section>
      ))}
      <p className="hidden flex-wrap gap-4 text-faint text-xs md:flex">
        <Key keys="j" text={words.keys.next} />
        <Key keys="k" text={words.keys.previous} />
        <Key keys="enter" text={words.keys.open} />
        <Key keys="a" text={words.keys.review} />
      </p>
    </div>
  );
}

function Key({ keys, text }: { keys: string; text: string }) {
  return (
    <span className="inline-flex items-center gap-1">
      <Kbd keys={keys} /> {text}
    </span>
  );
}

/** Where one stands in the list, by keyboard, through every change of it. */
function useStanding(items: readonly InboxItem[]) {
  const navigate = useNavigate();
  const listRef = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState<string | null>(null);
  const list = items.map(keyOf);
  const before = useRef(list);
  const present = stay(list, before.current, at);

  useEffect(() => {
    before.current = list;
    if (present === at) return;
    setAt(present);
    // The row that had the focus is gone: it must not fall to the top of the page.
    if (present !== null && document.activeElement === document.body)
      focusRow(listRef.current, present);
  });

  const go = (by: number) => {
    const next = step(list, present, by);
    if (next === null) return;
    setAt(next);
    focusRow(listRef.current, next);
  };
  const open = () => {
    const item = items.find((one) => keyOf(one) === present);
    if (item !== undefined) navigate(placeOf(item));
  };
  useShortcuts(words.title, [
    { keys: "j", label: words.keys.next, run: () => go(1) },
    { keys: "k", label: words.keys.previous, run: () => go(-1) },
    // A link opens by itself.
    { keys: "enter", label: words.keys.open },
    { keys: "a", label: words.keys.review, run: open },
  ]);

  return { at: present, setAt, listRef };
}

function focusRow(list: HTMLElement | null, key: string): void {
  list?.querySelector<HTMLElement>(`[data-item="${CSS.escape(key)}"]`)?.focus();
}
