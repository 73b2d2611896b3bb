/** When a session's token is renewed, and what the answer means. Pure. */

import { isProblem, Offline, toProblem } from "./problem";

/** Tokens of browsers begin so; the server renews no other ones. */
const RENEWED = /^fhb_/;
/** The server asks for each day: what lies further ahead was written by a clock that was wrong. */
const AHEAD_MAX_MS = 2 * 24 * 60 * 60 * 1_000;
/** The token before is good for a minute, so a lost answer is followed up well within it. */
const SOON_MS = 5_000;
const SOON_TRIES = 12;
const LATER_MS = 5 * 60 * 1_000;

export interface Facts {
  token: string | null;
  /** By the server's clock; null where it was never said. */
  renewAt: number | null;
  now: number;
  /** Whether somebody has the page before them: one that nobody looks at is to come to its end. */
  used: boolean;
  /** Before then a failed try is not repeated. */
  notBefore: number;
}

export function isDue({ token, renewAt, now, used, notBefore }: Facts): boolean {
  if (!used || token === null || !RENEWED.test(token) || now < notBefore) return false;
  // Nobody wrote it down yet: the day begins now.
  if (renewAt === null) return false;
  return Number.isNaN(renewAt) || now >= renewAt || renewAt > now + AHEAD_MAX_MS;
}

export type Outcome =
  /** The session is over; asking has ended it here as well. */
  | "over"
  /** The server has renewed it before: for another tab, or with an answer that was lost. */
  | "renewed-before"
  /** Nothing is known, or it is to be asked again later. */
  | "later";

export function outcome(error: unknown): Outcome {
  if (isProblem(error, "unauthenticated")) return "over";
  if (isProblem(error, "conflict")) return "renewed-before";
  return "later";
}

/** How long to wait after so many failures in a row (from 1). */
export function waitFor(failures: number, error: unknown): number {
  const said = (toProblem(error).retry_after_s ?? 0) * 1_000;
  const lost = error instanceof Offline;
  return Math.max(said, lost && failures <= SOON_TRIES ? SOON_MS : LATER_MS);
}
