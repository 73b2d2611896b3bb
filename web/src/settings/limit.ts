/** Seconds of each unit, longest first. */
const UNITS = [
  ["d", 86_400],
  ["h", 3600],
  ["m", 60],
  ["s", 1],
] as const;

/** The server takes no longer limit: a week. */
export const LIMIT_MAX_S = 7 * 24 * 3600;

export type LimitFault = "limit_shape" | "limit_range";

/** Seconds of a limit written like `90s`, `10m`, `1h 30m`; a number alone is minutes. */
export function readLimit(text: string): { seconds: number } | { fault: LimitFault } {
  const plain = text.trim().toLowerCase();
  if (/^\d{1,7}$/.test(plain)) return inRange(Number(plain) * 60);
  if (!/^(\d{1,7}\s*[dhms]\s*)+$/.test(plain)) return { fault: "limit_shape" };
  let total = 0;
  for (const [, digits, letter] of plain.matchAll(/(\d+)\s*([dhms])/g)) {
    const unit = UNITS.find(([name]) => name === letter);
    total += Number(digits) * (unit?.[1] ?? 0);
  }
  return inRange(total);
}

function inRange(seconds: number): { seconds: number } | { fault: LimitFault } {
  return seconds >= 1 && seconds <= LIMIT_MAX_S ? { seconds } : { fault: "limit_range" };
}

/** The shortest text that is read as so many seconds: `1h 30m`. */
export function limitText(seconds: number): string {
  const parts: string[] = [];
  let rest = Math.max(0, Math.floor(seconds));
  for (const [name, size] of UNITS) {
    const count = Math.floor(rest / size);
    if (count > 0) parts.push(`${count}${name}`);
    rest %= size;
  }
  return parts.length > 0 ? parts.join(" ") : "0s";
}
