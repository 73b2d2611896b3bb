/** What can go wrong between the page and the server, as values that a view can show. */

import { ui } from "../strings/ui";

/** RFC 9457. `code` is stable; `next` is what a person can do. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  next: string;
  correlation?: string | null;
  /** In how many seconds it is worth trying again. */
  retry_after_s?: number | null;
  /** What confirms an act that cannot be taken back, once. */
  confirmation?: string | null;
}

/** The server answered, and said no. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  constructor(readonly problem: Problem) {
    super(problem.detail || problem.title);
  }
}

/** No answer came: the server is away, the network is, or it took longer than the limit. */
export class Offline extends Error {
  override readonly name = "Offline";
  constructor(readonly timedOut = false) {
    super(ui.offline.title);
  }
}

/** Whether the error is that problem. */
export function isProblem(error: unknown, code?: string): error is ProblemError {
  return error instanceof ProblemError && (code === undefined || error.problem.code === code);
}

/** Any thrown thing as a problem that a person can read. */
export function toProblem(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  if (error instanceof Offline) {
    return local("offline", ui.offline.title, "", ui.offline.next);
  }
  const detail = error instanceof Error ? error.message : String(error);
  return local("page_failed", ui.failed.title, detail, ui.failed.next);
}

function local(code: string, title: string, detail: string, next: string): Problem {
  return { type: "about:blank", title, status: 0, code, detail, next };
}

/** A response's body as a problem, also where a proxy in between answered with something else. */
export function parseProblem(
  status: number,
  body: string,
  retryAfter: string | null = null,
): Problem {
  const retry_after_s = /^\d{1,6}$/.test(retryAfter ?? "") ? Number(retryAfter) : undefined;
  try {
    const found: unknown = JSON.parse(body);
    if (isProblemDocument(found)) {
      return { retry_after_s, ...found, status: found.status ?? status };
    }
  } catch {
    // Not JSON: someone between the server and us has answered.
  }
  return {
    retry_after_s,
    type: "about:blank",
    title: ui.unexpected.title(status),
    status,
    code: status === 401 ? "unauthenticated" : "unexpected_answer",
    detail: body.trim().startsWith("<") ? "" : body.trim().slice(0, 300),
    next: ui.unexpected.next,
  };
}

function isProblemDocument(value: unknown): value is Problem {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as Problem).code === "string" &&
    typeof (value as Problem).title === "string"
  );
}
