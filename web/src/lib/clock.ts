/**
 * The server's clock. Ages are told by it, because a laptop that is minutes off would otherwise
 * say "in 3 minutes" about what has just happened. The API client feeds the skew.
 */

/** Differences below this are the network's delay and the Date header's whole seconds. */
const NOISE_MS = 2_000;

let skew = 0;
const listeners = new Set<() => void>();

/** Tells how far the server's clock is ahead of ours, in milliseconds. */
export function setSkew(ms: number): void {
  const next = Math.abs(ms) < NOISE_MS ? 0 : ms;
  const moved = Math.abs(next - skew) >= NOISE_MS;
  skew = next;
  // Somebody set the clock while the page was open: what it shows would be off until it is drawn again.
  if (moved) for (const listener of listeners) listener();
}

/** Calls when the present is another one at a stroke; gives what ends that. */
export function onLeap(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The present, by the server's clock. */
export function now(): number {
  return Date.now() + skew;
}
