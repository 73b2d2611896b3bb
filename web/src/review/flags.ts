import type { ReviewFlag } from "../api/types";
import { review } from "../strings/review";

/** Who acts on a file by itself, as far as its path says it more exactly than its flag. */
export function flagReason(flag: ReviewFlag, path: string): string {
  const { reason, unknown } = review.flags;
  if (flag === "ci" && /(^|\/)\.github\//i.test(path)) return reason.github ?? flag;
  if (flag === "ci" && /gitlab/i.test(path)) return reason.gitlab ?? flag;
  if (flag === "agent-config" && /(^|\/)\.agentworks\//i.test(path)) return reason.freehold ?? flag;
  return reason[flag] ?? unknown(flag);
}
