import { COLOUR_LINE_MAX, WORDS_MAX } from "./bounds";

/** From and to, in characters of the line. */
export type Range = readonly [number, number];

export interface WordChange {
  removed: Range[];
  added: Range[];
}

const WORD = /[\p{L}\p{N}_]+|\s+|./gsu;
/** Below this share of common text two lines are different lines, and marks would only distract. */
const ALIKE_MIN = 0.3;

/** Which words differ between two lines. Null where they are too long or too different to compare. */
export function wordChange(before: string, after: string): WordChange | null {
  if (before === after || before.length > COLOUR_LINE_MAX || after.length > COLOUR_LINE_MAX)
    return null;
  const [old, now] = [before.match(WORD) ?? [], after.match(WORD) ?? []];
  const [front, back] = commonEnds(old, now);
  const [a, b] = [old.slice(front, old.length - back), now.slice(front, now.length - back)];
  if (a.length > WORDS_MAX || b.length > WORDS_MAX) return null;
  const kept = common(a, b);
  const same = [...old.slice(0, front), ...old.slice(old.length - back), ...kept.words];
  const alike = same.join("").replace(/\s+/g, "").length;
  const whole = Math.max(visible(before), visible(after));
  if (whole === 0 || alike / whole < ALIKE_MIN) return null;
  return { removed: ranges(old, front, kept.inA, a), added: ranges(now, front, kept.inB, b) };
}

function visible(text: string): number {
  return text.replace(/\s+/g, "").length;
}

function commonEnds(a: string[], b: string[]): [number, number] {
  const least = Math.min(a.length, b.length);
  let front = 0;
  while (front < least && a[front] === b[front]) front++;
  let back = 0;
  while (back < least - front && a[a.length - 1 - back] === b[b.length - 1 - back]) back++;
  return [front, back];
}

interface Kept {
  inA: boolean[];
  inB: boolean[];
  words: string[];
}

/** The longest common subsequence, by the plain table: both sides are bounded. */
function common(a: string[], b: string[]): Kept {
  const wide = b.length + 1;
  const table = new Uint16Array((a.length + 1) * wide);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const below = table[(i + 1) * wide + j] as number;
      const right = table[i * wide + j + 1] as number;
      const next = table[(i + 1) * wide + j + 1] as number;
      table[i * wide + j] = a[i] === b[j] ? next + 1 : Math.max(below, right);
    }
  }
  const kept: Kept = { inA: [], inB: [], words: [] };
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) {
      kept.inA[i] = kept.inB[j] = true;
      kept.words.push(a[i] as string);
      i++;
      j++;
    } else if ((table[(i + 1) * wide + j] as number) >= (table[i * wide + j + 1] as number)) i++;
    else j++;
  }
  return kept;
}

/** Neighbours are one mark, and so are two changed words with a kept blank between them. */
function ranges(all: string[], front: number, kept: boolean[], middle: string[]): Range[] {
  const found: [number, number][] = [];
  let at = all.slice(0, front).join("").length;
  middle.forEach((word, index) => {
    const end = at + word.length;
    const last = found.at(-1);
    const touches = last?.[1] === at;
    const bridges = word.trim() === "" && touches && index + 1 < middle.length && !kept[index + 1];
    if (!kept[index] || bridges) {
      if (last && touches) last[1] = end;
      else found.push([at, end]);
    }
    at = end;
  });
  return found;
}
