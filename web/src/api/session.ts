/**
 * Who this browser is signed in as. The token lies in localStorage and goes out as a bearer: a
 * cookie would also go to every other port of localhost, such as a server that an agent started.
 */

const KEY = "freehold.token";

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
  private ended: EndReason = "none";

  constructor(private readonly store: Store | null) {}

  readonly token = (): string | null => {
    try {
      return this.store?.getItem(KEY) ?? this.memory;
    } catch {
      return this.memory;
    }
  };

  /** Why the last session ended. */
  readonly why = (): EndReason => this.ended;

  begin(token: string): void {
    this.ended = "none";
    this.memory = token;
    this.write((store) => store.setItem(KEY, token));
    this.tell();
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
    this.write((store) => store.removeItem(KEY));
    this.tell();
  }

  /** Another tab has signed in or out. */
  readonly changedElsewhere = (key: string | null): void => {
    if (key !== null && key !== KEY) return;
    this.memory = null;
    this.ended = this.token() === null ? "signed-out" : "none";
    this.tell();
  };

  readonly subscribe = (listener: Listener): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  private write(change: (store: Store) => void): void {
    try {
      if (this.store !== null) change(this.store);
    } catch {
      // Forbidden or full: the memory holds it.
    }
  }

  private tell(): void {
    const token = this.token();
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
