import { ChevronDown, ChevronRight, MessageSquare } from "lucide-react";
import { count } from "../../lib/text";
import { review } from "../../strings/review";
import { Badge, Checkbox, CopyButton, cn, IconButton } from "../../ui";
import { Counts } from "../counts";
import type { FileDiff } from "../diff/types";
import { useDiffContext } from "../diff-context";
import { flagReason } from "../flags";
import { Cell } from "./cell";

/** A file's header; the one on screen stays while its lines pass below it. */
export function FileRow({ file }: { file: FileDiff }) {
  const { view, flagsOf, isViewed, setViewed } = useDiffContext();
  const open = view.isOpen(file);
  const flags = flagsOf(file);
  const comments = [...(view.placed.get(file.index)?.values() ?? [])].flat().length;
  const words = review.diff;
  return (
    <Cell
      className={cn(
        "flex flex-wrap items-center gap-x-2 gap-y-1 border-line border-y bg-canvas px-1.5 py-1",
        !open && "border-b",
      )}
    >
      <IconButton
        size="sm"
        label={open ? words.collapse(file.path) : words.expand(file.path)}
        aria-expanded={open}
        onClick={() => view.setOpen(file, !open)}
      >
        {open ? <ChevronDown aria-hidden /> : <ChevronRight aria-hidden />}
      </IconButton>
      <span className="flex min-w-0 flex-1 basis-40 flex-wrap items-center gap-x-2 max-sm:basis-[calc(100%-2.5rem)]">
        <span dir="ltr" className="min-w-0 font-mono text-sm font-medium wrap-anywhere text-ink">
          {file.oldPath && <span className="text-muted">{`${file.oldPath} → `}</span>}
          {file.path}
        </span>
        <CopyButton text={file.path} label={words.copyPath} />
        {file.status !== "modified" && <Badge>{review.files.status[file.status]}</Badge>}
        {file.similarity !== null && file.similarity < 100 && (
          <span className="text-xs text-muted">{words.similar(file.similarity)}</span>
        )}
        {flags.length > 0 && (
          <Badge tone="warn" title={flags.map((flag) => flagReason(flag, file.path)).join("\n")}>
            {review.flags.badge}
          </Badge>
        )}
      </span>
      <span className="ml-auto flex items-center gap-2">
        {comments > 0 && (
          <span
            className="flex items-center gap-1 text-xs text-muted"
            title={review.files.comments(comments)}
          >
            <MessageSquare aria-hidden className="size-3.5" />
            {count(comments)}
            <span className="sr-only">{review.files.comments(comments)}</span>
          </span>
        )}
        <Counts additions={file.additions} deletions={file.deletions} />
        <Checkbox
          checked={isViewed(file)}
          onCheckedChange={(on) => setViewed(file, on)}
          label={
            <>
              {words.viewed}
              <span className="sr-only">{` ${file.path}`}</span>
            </>
          }
        />
      </span>
    </Cell>
  );
}
