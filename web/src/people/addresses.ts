/** Addresses as people paste them. Pure; the server judges each. */

/** Invited in one go; each is a mail, and the server takes a hundred a day. */
export const ADDRESSES_MAX = 20;

export interface Addresses {
  /** Each once, as first written. */
  good: string[];
  /** What is none. */
  wrong: string[];
}

const ADDRESS = /^[^\s@<>,;"]+@[^\s@<>,;"]+$/;

/** Reads `a@x, Bob <b@y>; c@z`, one a line or all in one. */
export function readAddresses(text: string): Addresses {
  const good = new Map<string, string>();
  const wrong: string[] = [];
  for (const part of text.split(/[,;\n\r]+/)) {
    for (const word of words(part)) {
      if (ADDRESS.test(word)) {
        const key = word.toLowerCase();
        if (!good.has(key)) good.set(key, word);
      } else if (!wrong.includes(word)) {
        wrong.push(word);
      }
    }
  }
  return { good: [...good.values()], wrong };
}

/** Of `Bob B. <b@y>` the address alone; else what stands between blanks. */
function words(part: string): string[] {
  const named = /<([^<>]*)>\s*$/.exec(part);
  if (named !== null) return [(named[1] ?? "").trim()];
  return part.split(/\s+/).filter((word) => word !== "");
}
