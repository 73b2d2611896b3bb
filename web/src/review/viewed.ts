/** Which files a person has looked at, by what exactly they held. Pure. */

import type { FileDiff } from "./diff/types";

/** Path (numbered where it occurs twice) → the change that was seen. */
export type Viewed = Readonly<Record<string, string>>;

/** As many files as a diff has at most. */
const VIEWED_MAX = 50_000;

/**
 * Names the change of a file. Object names say it exactly, so a file that a later commit left alone
 * stays viewed; where git named none, the commit does.
 */
export function changeName(file: FileDiff, commit: string): string {
  return file.content ?? commit;
}

export function isViewed(viewed: Viewed, file: FileDiff, commit: string): boolean {
  return Object.hasOwn(viewed, file.key) && viewed[file.key] === changeName(file, commit);
}

export function setViewed(viewed: Viewed, file: FileDiff, commit: string, on: boolean): Viewed {
  const { [file.key]: _, ...rest } = viewed;
  return on ? { ...rest, [file.key]: changeName(file, commit) } : rest;
}

export function readViewed(value: unknown): Viewed {
  if (typeof value !== "object" || value === null) return {};
  const known = Object.entries(value).filter(([, name]) => typeof name === "string");
  return Object.fromEntries(known.slice(0, VIEWED_MAX));
}
