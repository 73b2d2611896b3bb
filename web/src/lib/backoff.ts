/** First and longest wait before something that failed is tried again. */
const FIRST_MS = 500;
const LONGEST_MS = 15_000;

/**
 * How long to wait after so many failures in a row (from 1). Half of it is chance, from 0 to 1, so
 * that a hundred pages do not come back to a restarted server in the same instant.
 */
export function backoff(failures: number, chance: number): number {
  const doublings = Math.min(Math.max(0, failures - 1), 16);
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** doublings);
  return full / 2 + (full / 2) * chance;
}
