import { Equal, FileQuestion, Hourglass } from "lucide-react";
import type { Run } from "../api/types";
import { hasEnded } from "../run/use-run";
import { review as words } from "../strings/review";
import { ButtonLink, CodeBlock, EmptyState, ErrorState, Skeleton, Spinner } from "../ui";
import { showCommand } from "./diff-remark";
import type { DiffState } from "./use-diff";

export interface DiffStatesProps {
  run: Run;
  commit: string | null;
  /** The runner compared, and nothing differs from the target. */
  same: boolean;
  state: DiffState;
  retry: () => void;
}

/** In place of lines: why there are none, and what can be done. */
export function DiffStates({ run, commit, same, state, retry }: DiffStatesProps) {
  const text = words.empty;
  if (state.kind === "failed") return <ErrorState problem={state.error} retry={retry} />;
  if (state.kind === "loading") return <Coming state={state} />;
  if (commit === null) {
    const ended = hasEnded(run.state);
    return (
      <EmptyState
        icon={ended ? <FileQuestion /> : <Hourglass />}
        title={ended ? text.nothing : text.noDiffYet}
        body={ended ? text.nothingBody : text.noDiffYetBody}
        action={
          <ButtonLink to="/runs/$run" params={{ run: run.id }}>
            {ended ? words.header.openRun : text.watch}
          </ButtonLink>
        }
      />
    );
  }
  if (same) {
    return <EmptyState icon={<Equal />} title={text.same} body={text.sameBody(run.target)} />;
  }
  return (
    <EmptyState
      icon={<FileQuestion />}
      title={text.emptyDiff}
      body={
        <div className="flex flex-col gap-2">
          <p>{text.emptyDiffBody}</p>
          <CodeBlock text={showCommand(commit)} className="text-left" />
        </div>
      }
    />
  );
}

function Coming({ state }: { state: Extract<DiffState, { kind: "loading" }> }) {
  const { progress } = state;
  return (
    <div className="flex flex-col gap-2">
      <p role="status" className="flex items-center gap-2 text-muted">
        <Spinner label={null} />
        {progress && progress.bytes > 0
          ? words.diff.progress(progress.bytes, progress.files)
          : words.diff.loading}
      </p>
      <Skeleton className="h-9 w-full" />
      <Skeleton className="h-64 w-full" />
    </div>
  );
}
