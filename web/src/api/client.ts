/** The only place of the page that talks to the server. */

import { setSkew } from "../lib/clock";
import { address, type Values } from "./address";
import { Offline, ProblemError, parseProblem } from "./problem";
import type { AnswerOf, InputOf, Method, PathOf } from "./routes";
import { session } from "./session";
import { learnTag } from "./tags";

/** Longer than any answer that does not ask a runner; those are bounded by the server at 30 s. */
const TIMEOUT_MS = 30_000;

export interface CallOptions {
  signal?: AbortSignal;
  /** In milliseconds; null for a stream. */
  timeout?: number | null;
  headers?: Record<string, string>;
  /** Makes a POST safe to repeat; the same key for the same wish. */
  idempotencyKey?: string;
  /** The edition that was seen; the server refuses with `stale` when it is another one. */
  ifMatch?: string | number;
  /** Asks with this token in place of the session's, or with none: a refusal is not the session's. */
  token?: string | null;
  /** Sends a proof along, like a password: that it is not right says nothing about the session. */
  proof?: boolean;
}

interface Loose extends CallOptions {
  path?: Values;
  query?: Values;
  body?: unknown;
}

/** Sends and gives the response as it is, for raw bytes and streams. Problems are thrown. */
async function raw(method: Method, path: string, options: Loose = {}): Promise<Response> {
  const token = options.token === undefined ? session.token() : options.token;
  const sent = Date.now();
  let response: Response;
  const limit = options.timeout === undefined ? TIMEOUT_MS : options.timeout;
  const timer = limit === null ? null : AbortSignal.timeout(limit);
  const signals = [options.signal, timer].filter((one) => one !== null && one !== undefined);
  try {
    response = await fetch(address(path, options.path, options.query), {
      method,
      headers: headers(options, token),
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
      signal: AbortSignal.any(signals),
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      referrerPolicy: "no-referrer",
    });
  } catch (error) {
    throw failure(error, options.signal, timer);
  }
  learnClock(response, sent);
  if (response.ok) return response;
  const body = await response.text().catch(() => "");
  if (response.status === 401 && token !== null && !options.proof) session.end("refused", token);
  // A gateway in between says so when the server behind it is away.
  if (response.status === 502 || (response.status === 504 && !body.startsWith("{"))) {
    throw new Offline();
  }
  const problem = parseProblem(response.status, body, response.headers.get("Retry-After"));
  throw new ProblemError(problem);
}

function headers(options: Loose, token: string | null): Record<string, string> {
  const all: Record<string, string> = { Accept: "application/json", ...options.headers };
  if (token !== null) all.Authorization = `Bearer ${token}`;
  if (options.body !== undefined) all["Content-Type"] = "application/json";
  if (options.idempotencyKey !== undefined) all["Idempotency-Key"] = options.idempotencyKey;
  if (options.ifMatch !== undefined) all["If-Match"] = `"${options.ifMatch}"`;
  return all;
}

/** A caller's own abort stays an abort; all else means that no answer came. */
function failure(error: unknown, signal: AbortSignal | undefined, timer: AbortSignal | null) {
  if (signal?.aborted) return signal.reason;
  if (timer?.aborted) return new Offline(true);
  return error instanceof TypeError ? new Offline() : error;
}

function learnClock(response: Response, sent: number): void {
  const date = Date.parse(response.headers.get("Date") ?? "");
  // The header has whole seconds, so on average it lags by half of one.
  if (!Number.isNaN(date)) setSkew(date + 500 - (sent + Date.now()) / 2);
}

async function call(method: Method, path: string, options?: Loose): Promise<unknown> {
  const response = await raw(method, path, options);
  if (response.status === 204) return null;
  try {
    const shown: unknown = await response.json();
    learnTag(shown, response.headers.get("ETag"));
    return shown;
  } catch (error) {
    if (options?.signal?.aborted) throw options.signal.reason;
    if (error instanceof SyntaxError) throw new ProblemError(parseProblem(response.status, ""));
    throw new Offline();
  }
}

type Arguments<M extends Method, P extends string> =
  object extends InputOf<M, P>
    ? [input?: InputOf<M, P> & CallOptions]
    : [input: InputOf<M, P> & CallOptions];

function caller<M extends Method>(method: M) {
  return <P extends PathOf<M>>(path: P, ...[input]: Arguments<M, P>) =>
    call(method, path, input as Loose | undefined) as Promise<AnswerOf<M, P>>;
}

/** `api.get("/cards/{card}", { path: { card }, signal })` → the card. */
export const api = {
  get: caller("GET"),
  post: caller("POST"),
  patch: caller("PATCH"),
  put: caller("PUT"),
  del: caller("DELETE"),
  raw,
} as const;
