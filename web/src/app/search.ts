/** What a page keeps in its address, so that a link or a reload shows the same. Pure. */

type Raw = Record<string, unknown>;

/** Text from an address, bounded: it is typed by people and forged by others. */
function text(value: unknown, max = 500): string | undefined {
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return typeof value === "string" && value !== "" ? value.slice(0, max) : undefined;
}

function whole(value: unknown): number | undefined {
  const n = typeof value === "number" ? value : Number(text(value));
  return Number.isSafeInteger(n) && n >= 0 ? n : undefined;
}

function oneOf<T extends string>(value: unknown, known: readonly T[]): T | undefined {
  return known.find((one) => one === value);
}

function defined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T;
}

export interface BoardSearch {
  /** The card whose drawer is open; `new` for a card that is being written. */
  card?: string;
  q?: string;
  lane?: string;
  mine?: "waiting";
  state?: "running" | "failed" | "blocked";
  archived?: boolean;
}

export function boardSearch(raw: Raw): BoardSearch {
  return defined<BoardSearch>({
    card: text(raw.card),
    q: text(raw.q),
    lane: text(raw.lane),
    mine: raw.mine === "waiting" ? "waiting" : undefined,
    state: oneOf(raw.state, ["running", "failed", "blocked"]),
    archived: raw.archived === true ? true : undefined,
  });
}

export interface RunsSearch {
  project?: string;
  card?: string;
  /** States, divided by commas. */
  state?: string;
  agent?: string;
  q?: string;
}

export function runsSearch(raw: Raw): RunsSearch {
  return defined<RunsSearch>({
    project: text(raw.project),
    card: text(raw.card),
    state: text(raw.state),
    agent: text(raw.agent),
    q: text(raw.q),
  });
}

export interface RunSearch {
  tab?: string;
  step?: string;
  kind?: string;
  /** The event that is shown. */
  seq?: number;
  q?: string;
}

export function runSearch(raw: Raw): RunSearch {
  return defined<RunSearch>({
    tab: text(raw.tab),
    step: text(raw.step),
    kind: text(raw.kind),
    seq: whole(raw.seq),
    q: text(raw.q),
  });
}

export interface ReviewSearch {
  file?: string;
  view?: "split" | "unified";
}

export function reviewSearch(raw: Raw): ReviewSearch {
  return defined<ReviewSearch>({
    file: text(raw.file, 4_096),
    view: raw.view === "split" || raw.view === "unified" ? raw.view : undefined,
  });
}

export interface AuditSearch {
  actor?: string;
  action?: string;
  resource?: string;
  /** Days, as 2026-11-22; the last one is among them. */
  since?: string;
  until?: string;
}

export function auditSearch(raw: Raw): AuditSearch {
  return defined<AuditSearch>({
    actor: text(raw.actor, 200),
    action: text(raw.action, 200),
    resource: text(raw.resource, 200),
    since: day(raw.since),
    until: day(raw.until),
  });
}

function day(value: unknown): string | undefined {
  const said = text(value, 10);
  if (said === undefined || !/^\d{4}-\d\d-\d\d$/.test(said)) return undefined;
  return Number.isNaN(Date.parse(said)) ? undefined : said;
}

export interface SignInSearch {
  /** Where to go afterwards. Anybody may have written it: the sign-in page takes own paths only. */
  back?: string;
  why?: string;
  /** What is shown in place of what one begins with. */
  view?: SignInView;
}

const SIGN_IN_VIEWS = ["link", "password", "forgotten", "register"] as const;
export type SignInView = (typeof SIGN_IN_VIEWS)[number];

export function signInSearch(raw: Raw): SignInSearch {
  return defined<SignInSearch>({
    back: text(raw.back, 4_096),
    why: text(raw.why, 60),
    view: oneOf(raw.view, SIGN_IN_VIEWS),
  });
}
