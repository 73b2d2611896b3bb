/**
 * Who this browser is signed in as. The token lies in localStorage and goes out as a bearer: a
 * cookie would also go to every other port of localhost, such as a server that an agent started.
 */

import { now } from "../lib/clock";

const KEY = "freehold.token";
/** When the token is to be replaced by another, in milliseconds of the server's clock. */
const RENEW_KEY = "freehold.renew-at";
/** The organization that the token acts in, where that is known. */
const PLACE_KEY = "freehold.organization";
const DAY_MS = 24 * 60 * 60 * 1_000;

/** Why there is no session any more; shown on the sign-in page. */
export type EndReason = "none" | "refused" | "signed-out";

type Listener = (token: string | null) => void;

export interface Store {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export class Session {
  private readonly listeners = new Set<Listener>();
  /** Only where storage is forbidden: the session then lasts as long as the page. */
  private memory: string | null = null;
  private renewal: number | null = null;
  private ended: EndReason = "none";
  private place: string | null = null;
  /** The organization that this tab was in when it was last told. */
  private seen: string | null;
  private moved = 0;
  private follows = false;

  constructor(private readonly store: Store | null) {
    this.seen = this.organization();
  }

  readonly token = (): string | null => this.read(KEY) ?? this.memory;

  /** When the token is to be renewed; null where that is not known. */
  readonly renewAt = (): number | null => {
    const text = this.read(RENEW_KEY);
    return text === null ? this.renewal : Number(text);
  };

  /** The organization that the token acts in; null where that is not known. */
  readonly organization = (): string | null => this.read(PLACE_KEY) ?? this.place;

  /** How often this tab went from one organization to another: nothing that it showed holds then. */
  readonly moves = (): number => this.moved;

  /** Whether the last move was another tab's, which this one followed. */
  readonly followed = (): boolean => this.follows;

  /** Why the last session ended. */
  readonly why = (): EndReason => this.ended;

  /** `renewAt` is what the server said, where it did; a day from now else. */
  begin(token: string, renewAt?: string, organization?: string): void {
    const told = renewAt === undefined ? Number.NaN : Date.parse(renewAt);
    this.ended = "none";
    this.memory = token;
    // First, since other tabs hear of the token and read the rest then.
    this.renewLater(Number.isNaN(told) ? undefined : told);
    this.settle(organization ?? null);
    this.write((store) => store.setItem(KEY, token));
    this.tell(false);
  }

  /** The server said where that token acts, which its beginning had not told. */
  learn(token: string, organization: string): void {
    if (this.token() !== token) return;
    if (this.organization() !== organization) this.settle(organization);
    this.seen ??= organization;
  }

  /** The token is to be renewed at that time, or a day from now. */
  readonly renewLater = (at = now() + DAY_MS): void => {
    this.renewal = at;
    this.write((store) => store.setItem(RENEW_KEY, String(at)));
  };

  /** Puts the next token in the place of one; false where that one is not here any more. */
  replace(old: string, next: string, renewAt?: string, organization?: string): boolean {
    if (this.token() !== old) return false;
    this.begin(next, renewAt, organization ?? this.organization() ?? undefined);
    return true;
  }

  /**
   * Ends the session. A refusal names the token that was refused: an answer that was under way
   * while someone signed in again must not end the new session.
   */
  end(why: EndReason, refused?: string): void {
    const present = this.token();
    if (present === null || (refused !== undefined && refused !== present)) return;
    this.ended = why;
    this.memory = null;
    this.renewal = null;
    this.settle(null);
    this.write((store) => {
      store.removeItem(KEY);
      store.removeItem(RENEW_KEY);
    });
    this.tell(false);
  }

  /** Another tab has signed in or out, or went to another organization. */
  readonly changedElsewhere = (key: string | null): void => {
    if (key !== null && key !== KEY) return;
    this.memory = null;
    this.renewal = null;
    this.place = null;
    this.ended = this.token() === null ? "signed-out" : "none";
    this.tell(true);
  };

  readonly subscribe = (listener: Listener): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  private read(key: string): string | null {
    try {
      return this.store?.getItem(key) ?? null;
    } catch {
      return null;
    }
  }

  private write(change: (store: Store) => void): void {
    try {
      if (this.store !== null) change(this.store);
    } catch {
      // Forbidden or full: the memory holds it.
    }
  }

  private settle(organization: string | null): void {
    this.place = organization;
    this.write((store) => {
      if (organization === null) store.removeItem(PLACE_KEY);
      else store.setItem(PLACE_KEY, organization);
    });
  }

  private tell(elsewhere: boolean): void {
    const token = this.token();
    const here = this.organization();
    if (token === null) {
      this.seen = null;
    } else if (here !== null) {
      if (this.seen !== null && this.seen !== here) {
        this.moved += 1;
        this.follows = elsewhere;
      }
      this.seen = here;
    }
    for (const listener of this.listeners) listener(token);
  }
}

function browserStore(): Store | null {
  try {
    return typeof localStorage === "undefined" ? null : localStorage;
  } catch {
    return null;
  }
}

export const session = new Session(browserStore());

if (typeof window !== "undefined") {
  window.addEventListener("storage", (event) => session.changedElsewhere(event.key));
}
