/** Times as a person reads them. Pure: the caller says what now is. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const DAY_FORMAT = new Intl.DateTimeFormat("en", { day: "numeric", month: "short" });
const DATE_FORMAT = new Intl.DateTimeFormat("en", {
  day: "numeric",
  month: "short",
  year: "numeric",
});
const FULL_FORMAT = new Intl.DateTimeFormat("en", { dateStyle: "full", timeStyle: "long" });

/** "just now", "5 min ago", "3 h ago", "yesterday", "4 days ago", "12 Mar", "12 Mar 2024". */
export function relative(at: string | number, now: number): string {
  const then = typeof at === "number" ? at : Date.parse(at);
  if (Number.isNaN(then)) return "at an unknown time";
  const age = now - then;
  if (age < 0) return ahead(-age, then, now);
  if (age < 45 * SECOND) return "just now";
  if (age < HOUR) return `${Math.max(1, Math.round(age / MINUTE))} min ago`;
  if (age < DAY) return `${Math.floor(age / HOUR)} h ago`;
  if (age < 2 * DAY) return "yesterday";
  if (age < 7 * DAY) return `${Math.floor(age / DAY)} days ago`;
  return day(then, now);
}

function ahead(left: number, then: number, now: number): string {
  // What has just happened may be a little ahead of a clock that is a little behind.
  if (left < 3 * SECOND) return "just now";
  if (left < 45 * SECOND) return "in a moment";
  if (left < HOUR) return `in ${Math.max(1, Math.round(left / MINUTE))} min`;
  if (left < DAY) return `in ${Math.floor(left / HOUR)} h`;
  if (left < 7 * DAY) return `in ${Math.ceil(left / DAY)} days`;
  return day(then, now);
}

function day(then: number, now: number): string {
  const same = new Date(then).getFullYear() === new Date(now).getFullYear();
  return (same ? DAY_FORMAT : DATE_FORMAT).format(then);
}

/** The whole truth, for a title: "Saturday, November 21, 2026 at 6:49:27 AM UTC". */
export function fullTime(at: string | number): string {
  const then = typeof at === "number" ? at : Date.parse(at);
  return Number.isNaN(then) ? "unknown" : FULL_FORMAT.format(then);
}

/** "0.4 s", "12 s", "3 min 05 s", "2 h 07 min", "3 d 4 h". */
export function duration(ms: number): string {
  const span = Math.max(0, ms);
  if (span < 10 * SECOND) return `${(Math.floor(span / 100) / 10).toFixed(1)} s`;
  if (span < MINUTE) return `${Math.floor(span / SECOND)} s`;
  if (span < HOUR) {
    return `${Math.floor(span / MINUTE)} min ${pad(Math.floor((span % MINUTE) / SECOND))} s`;
  }
  if (span < DAY) {
    return `${Math.floor(span / HOUR)} h ${pad(Math.floor((span % HOUR) / MINUTE))} min`;
  }
  return `${Math.floor(span / DAY)} d ${Math.floor((span % DAY) / HOUR)} h`;
}

function pad(n: number): string {
  return String(n).padStart(2, "0");
}

/** How long until `relative` says something else, so that a page of times wakes rarely. */
export function nextChange(at: number, now: number): number {
  const age = Math.abs(now - at);
  if (age < HOUR) return 15 * SECOND;
  return age < DAY ? 5 * MINUTE : HOUR;
}
