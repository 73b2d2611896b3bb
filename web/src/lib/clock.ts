/**
 * The server's clock. Ages are told by it, because a laptop that is minutes off would otherwise
 * say "in 3 minutes" about what has just happened. The API client feeds the skew.
 */

/** Differences below this are the network's delay and the Date header's whole seconds. */
const NOISE_MS = 2_000;

let skew = 0;

/** Tells how far the server's clock is ahead of ours, in milliseconds. */
export function setSkew(ms: number): void {
  skew = Math.abs(ms) < NOISE_MS ? 0 : ms;
}

/** The present, by the server's clock. */
export function now(): number {
  return Date.now() + skew;
}
