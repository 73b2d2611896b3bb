/** Words and numbers as a person reads them. Pure. */

const NUMBER = new Intl.NumberFormat("en");

/** 12345 → "12,345". */
export function count(n: number): string {
  return NUMBER.format(n);
}

/** "1 file", "2 files". */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** 1536 → "1.5 KB". */
export function bytes(n: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"] as const;
  let value = Math.max(0, n);
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/** At most `max` characters (whole code points), with an ellipsis where something is missing. */
export function truncate(text: string, max: number): string {
  if (text.length <= max) return text;
  const cut = text.slice(0, max - 1);
  // A cut between the halves of a surrogate pair would show a replacement character.
  const last = cut.charCodeAt(cut.length - 1);
  const whole = last >= 0xd800 && last <= 0xdbff ? cut.slice(0, -1) : cut;
  return `${whole}…`;
}

/** The first eight of a commit. */
export function shortCommit(commit: string): string {
  return commit.slice(0, 8);
}

/** `run_0198f0c2-…-9ab3` → `run_…9ab3`: ids of one minute share their start, so the end tells. */
export function shortId(id: string): string {
  const bar = id.indexOf("_");
  const prefix = bar < 0 ? "" : id.slice(0, bar + 1);
  return id.length - prefix.length <= 8 ? id : `${prefix}…${id.slice(-6)}`;
}

/** Whether every word of the query occurs in the text, in any order, in any case. */
export function matchesWords(text: string, query: string): boolean {
  const hay = text.toLowerCase();
  return query
    .toLowerCase()
    .split(/\s+/)
    .every((word) => hay.includes(word));
}

/** A clause as a line of its own. An address or a path at its head stays as it is: `Https://` is none. */
export function upperFirst(text: string): string {
  return /^\p{L}+(?=[\s,;]|[.!?:]?(?:\s|$))/u.test(text)
    ? text.charAt(0).toUpperCase() + text.slice(1)
    : text;
}
