/** Longer than anything here may take on a busy machine. */
export const DEADLINE_MS = 60_000;
const LOOK_AGAIN_MS = 25;

export const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

/** Waits until `found` gives something that is not null or undefined; fails with `what` when it never does. */
export async function until<T>(
  what: string,
  found: () => Promise<T | null | undefined> | T | null | undefined,
  deadlineMs = DEADLINE_MS,
): Promise<T> {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const it = await found();
    if (it !== null && it !== undefined) return it;
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
    await pause(LOOK_AGAIN_MS);
  }
}
