import type { Review } from "../api/types";
import { review as words } from "../strings/review";
import { Callout, CodeBlock } from "../ui";
import type { Diff } from "./diff/types";

/** What a reader must know before the lines: that some are missing, or that there are none. */
export function problemRemark(diff: Diff, review: Review, commit: string) {
  const text = words.empty;
  const problem = diff.problems[0];
  const binary = diff.files.length > 0 && diff.files.every((file) => file.binary !== null);
  return (
    <>
      {problem && (
        <Callout tone="danger" title={text.partial} className="mb-2">
          <p>{text.partialBody[problem.code] ?? text.partialBody.other}</p>
          <p>{words.diff.problemNext(commit)}</p>
        </Callout>
      )}
      {review.truncated && (
        <Callout tone="warn" className="mb-2">
          {text.listCut}
        </Callout>
      )}
      {binary && (
        <Callout tone="info" className="mb-2">
          <p>{text.onlyBinary}</p>
          <CodeBlock text={showCommand(commit)} className="mt-1" />
        </Callout>
      )}
    </>
  );
}

export function showCommand(commit: string): string {
  return `git show --stat ${commit}`;
}
