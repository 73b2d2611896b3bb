/** The code that a device shows, as people type it. Pure. */

/** No vowels, so that no words come out, and nothing that is mistaken for another letter. */
const CODE = /^[BCDFGHJKLMNPQRSTVWXZ]{8}$/;

/** `bcdf ghjk` → `BCDF-GHJK`; null where it can be none. */
export function readCode(text: string): string | null {
  const letters = text.replace(/[\s\-–—]/g, "").toUpperCase();
  return CODE.test(letters) ? `${letters.slice(0, 4)}-${letters.slice(4)}` : null;
}
