/**
 * How the browsers (and Vite's loader) say that a part of the page did not come: the server is away,
 * or another build has replaced the files that this page knows. A browser remembers the failure, so
 * that only a reload asks again.
 */
const SAYINGS = [
  "failed to fetch dynamically imported module",
  "error loading dynamically imported module",
  "importing a module script failed",
  "unable to preload css",
];

export function isMissingPart(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const said = error.message.toLowerCase();
  return SAYINGS.some((saying) => said.includes(saying));
}
