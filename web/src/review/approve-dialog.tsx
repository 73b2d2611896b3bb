import type { Run } from "../api/types";
import { review as words } from "../strings/review";
import { ConfirmDialog } from "../ui";
import type { Doubt } from "./decision";

/** Paths that are named in the question. */
const PATHS_SHOWN = 6;

export interface ApproveDialogProps {
  run: Run;
  commit: string;
  doubts: readonly Doubt[];
  open: boolean;
  onOpenChange: (open: boolean) => void;
  onConfirm: () => unknown;
}

/** Names what speaks against it before a yes is a yes. */
export function ApproveDialog({
  run,
  commit,
  doubts,
  open,
  onOpenChange,
  onConfirm,
}: ApproveDialogProps) {
  return (
    <ConfirmDialog
      open={open}
      onOpenChange={onOpenChange}
      title={words.approve.title}
      confirm={words.approve.confirm}
      onConfirm={onConfirm}
      body={
        <div className="flex flex-col gap-2">
          <ul className="flex list-disc flex-col gap-1 pl-5 text-ink">
            {doubts.map((doubt) => (
              <li key={doubt.kind}>
                {doubtText(doubt, run.target)}
                {doubt.kind === "flagged" && <Paths paths={doubt.paths} />}
              </li>
            ))}
          </ul>
          <p>{words.decide.lands(commit, run.target)}</p>
        </div>
      }
    />
  );
}

function Paths({ paths }: { paths: readonly string[] }) {
  return (
    <ul className="mt-0.5 font-mono text-xs break-all text-muted">
      {paths.slice(0, PATHS_SHOWN).map((path) => (
        <li key={path}>{path}</li>
      ))}
      {paths.length > PATHS_SHOWN && <li>…</li>}
    </ul>
  );
}

function doubtText(doubt: Doubt, target: string): string {
  const text = words.approve.doubt;
  switch (doubt.kind) {
    case "checks":
      return text.checks(doubt.names);
    case "no_checks":
      return text.no_checks;
    case "moved":
      return text.moved(target);
    case "flagged":
      return text.flagged(doubt.paths.length);
    case "unread":
      return text.unread(doubt.files);
    case "no_diff":
      return text.no_diff;
    case "comments":
      return text.comments(doubt.count);
  }
}
