import { useNavigate } from "@tanstack/react-router";
import { Columns2, List, Rows3 } from "lucide-react";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Review } from "../api/types";
import { useWide } from "../run/use-wide";
import { review as words } from "../strings/review";
import { Button, Drawer, toast } from "../ui";
import { anchorOf, selectionOf } from "./anchor";
import type { Layout } from "./diff/rows";
import type { Diff, FileDiff } from "./diff/types";
import { DiffContext, type DiffContextValue } from "./diff-context";
import { DiffList, type DiffListHandle } from "./diff-list";
import { problemRemark } from "./diff-remark";
import { type Draft, dropComment, putComment } from "./drafts";
import { FileList } from "./file-list";
import { entriesOf, filterEntries, flagsByPath } from "./files";
import { ColourBook } from "./use-colours";
import { useDiffKeys } from "./use-diff-keys";
import { useDiffView } from "./use-diff-view";
import type { KeptView } from "./use-kept";
import { isViewed, setViewed } from "./viewed";

export interface DiffSectionProps {
  run: string;
  diff: Diff;
  commit: string;
  review: Review;
  kept: KeptView;
  /** What covers the top of the page while it scrolls. */
  inset: number;
  /** The scroller's padding. */
  padding: number;
  layout: Layout;
  onLayout: (layout: Layout) => void;
  /** The file to begin with. */
  wanted: string | undefined;
  /** Hands out the way to a file by its path. */
  goTo: React.RefObject<((path: string) => void) | null>;
}

/** All files: the list at the side, the lines beside it. */
export function DiffSection(props: DiffSectionProps) {
  const { diff, commit, review, kept, inset, padding, goTo } = props;
  const { drafts, viewed, change } = kept;
  const wide = useWide();
  const layout: Layout = wide ? props.layout : "unified";
  const [query, setQuery] = useState("");
  const [drawer, setDrawer] = useState(false);
  const [cursor, setCursor] = useState(-1);
  const [top, setTop] = useState(0);
  const handle = useRef<DiffListHandle>(null);
  const navigate = useNavigate();

  const flags = useMemo(() => flagsByPath(review.files), [review.files]);
  const entries = useMemo(() => entriesOf(diff.files, flags), [diff, flags]);
  const files = useMemo(() => entries.map((entry) => entry.file), [entries]);
  const filtered = useMemo(() => filterEntries(entries, query), [entries, query]);
  const book = useMemo(() => new ColourBook(diff), [diff]);
  const view = useDiffView({ diff, commit, files, layout, viewed, drafts: drafts.comments });
  const { list, setEditing, followViewed } = view;
  const seen = useMemo(
    () => files.filter((file) => isViewed(viewed, file, commit)).length,
    [files, viewed, commit],
  );

  const mark = useCallback(
    (file: FileDiff, on: boolean) => {
      change((old) => ({ ...old, viewed: setViewed(old.viewed, file, commit, on) }));
      followViewed(file);
    },
    [change, commit, followViewed],
  );
  const put = useCallback(
    (draft: Draft) => {
      const next = putComment(drafts, draft);
      change((old) => ({ ...old, drafts: putComment(old.drafts, draft) }));
      return next !== drafts;
    },
    [change, drafts],
  );
  const drop = useCallback(
    (draft: Draft) => {
      change((old) => ({ ...old, drafts: dropComment(old.drafts, draft.id) }));
      toast.show({
        title: words.comment.removed,
        action: {
          label: words.comment.undo,
          onSelect: () => change((old) => ({ ...old, drafts: putComment(old.drafts, draft) })),
        },
      });
    },
    [change],
  );
  const comment = useCallback(
    (file: FileDiff, from: number, to: number) => {
      const selection = selectionOf(file, from, to);
      if (anchorOf(diff, selection, commit).to > 0)
        setEditing({ id: crypto.randomUUID(), selection, draft: null });
    },
    [diff, commit, setEditing],
  );

  const context = useMemo(
    (): DiffContextValue => ({
      diff,
      commit,
      layout,
      book,
      view,
      flagsOf: (file) => flags.get(file.path) ?? [],
      isViewed: (file) => isViewed(viewed, file, commit),
      setViewed: mark,
      putComment: put,
      dropComment: drop,
      comment,
    }),
    [diff, commit, layout, book, view, flags, viewed, mark, put, drop, comment],
  );

  const reveal = useCallback((index: number) => {
    setCursor(index);
    handle.current?.reveal(index);
  }, []);
  const open = useCallback(
    (file: FileDiff) => {
      setDrawer(false);
      reveal(list.headerOf(file));
      void navigate({
        to: ".",
        search: (old: object) => ({ ...old, file: file.path }),
        replace: true,
        resetScroll: false,
      });
    },
    [list, reveal, navigate],
  );
  goTo.current = (path) => {
    const file = files.find((one) => one.path === path);
    if (file) open(file);
  };
  // Once, when the diff is there: later the address follows the reader.
  const first = useRef(props.wanted);
  useEffect(() => {
    const file = files.find((one) => one.path === first.current);
    first.current = undefined;
    if (file) reveal(list.headerOf(file));
  }, [files, list, reveal]);

  useDiffKeys({ context, list, handle, cursor, reveal });

  const listing = (
    <FileList
      entries={filtered}
      all={files.length}
      seen={seen}
      query={query}
      onQuery={setQuery}
      isViewed={context.isViewed}
      current={list.at(top)?.file ?? null}
      onOpen={open}
      className={wide ? "h-full" : "h-full p-3"}
    />
  );
  return (
    <DiffContext value={context}>
      <div className="grid items-start gap-3 lg:grid-cols-[16rem_minmax(0,1fr)]">
        {wide && (
          <div
            className="sticky flex flex-col"
            style={{ top: inset + 8 - padding, height: `calc(100dvh - ${inset + 24}px)` }}
          >
            {listing}
          </div>
        )}
        <div className="min-w-0">
          <div className="flex flex-wrap items-center gap-2 pb-2">
            <h2 className="flex-1 text-lg font-semibold">{words.diff.title}</h2>
            {!wide && (
              <Button size="sm" icon={<List aria-hidden />} onClick={() => setDrawer(true)}>
                {`${words.files.open} · ${words.files.viewed(seen, files.length)}`}
              </Button>
            )}
            {wide && <LayoutSwitch layout={layout} onLayout={props.onLayout} />}
          </div>
          {problemRemark(diff, review, commit)}
          <DiffList
            ref={handle}
            list={list}
            inset={wide ? inset : 0}
            padding={padding}
            cursor={Math.max(cursor, 0)}
            onCursor={setCursor}
            onTop={setTop}
          />
        </div>
      </div>
      {!wide && (
        <Drawer open={drawer} onOpenChange={setDrawer} title={words.files.title}>
          {listing}
        </Drawer>
      )}
    </DiffContext>
  );
}

function LayoutSwitch({
  layout,
  onLayout,
}: {
  layout: Layout;
  onLayout: (layout: Layout) => void;
}) {
  const text = words.diff;
  const choices = [
    { value: "unified", label: text.unified, icon: <Rows3 aria-hidden /> },
    { value: "split", label: text.split, icon: <Columns2 aria-hidden /> },
  ] as const;
  return (
    <fieldset className="flex gap-1">
      <legend className="sr-only">{text.layout}</legend>
      {choices.map(({ value, label, icon }) => (
        <Button
          key={value}
          size="sm"
          variant={layout === value ? "secondary" : "ghost"}
          aria-pressed={layout === value}
          icon={icon}
          onClick={() => onLayout(value)}
        >
          {label}
        </Button>
      ))}
    </fieldset>
  );
}
