/**
 * Renews the session's token once a day while the page is used. One tab does it, under a lock; the
 * others find the new token in storage.
 */

import { isDue, type Outcome, outcome, waitFor } from "./renew-plan";

/** What the server gives for a token. */
export interface Renewed {
  token: string;
  renew_at?: string;
  organization?: string;
}

/** What it needs of the browser, so that tests can play it. */
export interface World {
  token(): string | null;
  renewAt(): number | null;
  /** The day begins now. */
  renewLater(): void;
  replace(old: string, next: Renewed): boolean;
  /** Asks for another token in the place of that one. */
  renew(token: string): Promise<Renewed>;
  /** A new session for whoever has that token, while it is good. */
  beginAnew(token: string): Promise<Renewed>;
  /** Ends a session that nobody uses. */
  drop(token: string): Promise<unknown>;
  /** Runs `held` unless another tab is at it. */
  alone(held: () => Promise<void>): Promise<void>;
  used(): boolean;
  now(): number;
  pause(ms: number): Promise<void>;
}

/** How long another tab's new token may take to come through storage. */
const OTHERS_MS = 1_000;

export class Renewal {
  private busy = false;
  private failures = 0;
  private notBefore = 0;

  constructor(private readonly world: World) {}

  /** Looks whether it is time. To be called often: it asks the server only then. */
  readonly look = async (): Promise<void> => {
    if (this.world.token() !== null && this.world.renewAt() === null) this.world.renewLater();
    if (this.busy || !this.due()) return;
    this.busy = true;
    try {
      // Another tab may have been faster.
      await this.world.alone(async () => {
        if (this.due()) await this.renew(this.world.token() ?? "");
      });
    } finally {
      this.busy = false;
    }
  };

  private due(): boolean {
    const { world, notBefore } = this;
    return isDue({
      token: world.token(),
      renewAt: world.renewAt(),
      now: world.now(),
      used: world.used(),
      notBefore,
    });
  }

  private async renew(token: string): Promise<void> {
    let why: Outcome;
    try {
      await this.take(token, await this.world.renew(token));
      return;
    } catch (error) {
      why = outcome(error);
      this.failed(error);
    }
    if (why === "renewed-before") await this.catchUp(token);
  }

  /**
   * The next token was given and did not come here. Where no other tab has it either, the answer was
   * lost, and the old token lasts a minute: long enough to sign in anew with it.
   */
  private async catchUp(token: string): Promise<void> {
    await this.world.pause(OTHERS_MS);
    if (this.world.token() !== token) {
      this.succeeded();
      return;
    }
    try {
      await this.take(token, await this.world.beginAnew(token));
    } catch (error) {
      this.failed(error);
    }
  }

  private async take(old: string, next: Renewed): Promise<void> {
    this.succeeded();
    // Whoever signed out meanwhile has signed out.
    if (!this.world.replace(old, next)) await this.world.drop(next.token).catch(() => undefined);
  }

  private succeeded(): void {
    this.failures = 0;
    this.notBefore = 0;
  }

  private failed(error: unknown): void {
    this.failures += 1;
    this.notBefore = this.world.now() + waitFor(this.failures, error);
  }
}
