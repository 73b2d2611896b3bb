/** What cannot be taken back is confirmed: the server says what exactly would happen, a person says yes. */

import { ui } from "../strings/ui";
import { isProblem, ProblemError } from "./problem";
import { session } from "./session";

/**
 * The acts that the server has confirmed, as `docs/permissions.md` marks them, which a test compares: only of
 * these a first try does nothing.
 */
export const CONFIRMED = [
  "session.end_all",
  "member.leave",
  "member.remove",
  "agent.remove",
  "provider.remove",
  "runner.revoke",
] as const;
export type Confirmed = (typeof CONFIRMED)[number];

/** Sends the request, with these headers besides. */
export type Act = (headers?: Record<string, string>) => Promise<unknown>;

/** Of these tokens alone the server asks; of any other a first try would be the deed. */
const ASKED = /^fhb_/;

/** One act that a person is asked about: first `ask`, then `go`. */
export class Confirmation {
  private token: string | null = null;
  private asked: Promise<string | null> | null = null;
  private isDone = false;

  constructor(
    readonly what: Confirmed,
    private readonly act: Act,
    private readonly present: () => string | null = () => session.token(),
  ) {}

  /**
   * What the server says would happen; null where it does not ask. Changes nothing. Throws the refusal where the
   * act could not be done at all.
   */
  ask(): Promise<string | null> {
    this.asked ??= this.firstTry();
    return this.asked;
  }

  private async firstTry(): Promise<string | null> {
    if (!ASKED.test(this.present() ?? "")) return null;
    try {
      await this.act();
      this.isDone = true;
      return null;
    } catch (error) {
      return this.learn(error);
    }
  }

  /**
   * Does it, with the word that belongs to what was read. Where the thing is another by now, nothing is done: it
   * throws a problem with what would happen now, and the next `go` means that.
   */
  async go(): Promise<void> {
    if (this.isDone) return;
    try {
      await this.act(this.token === null ? undefined : { Confirmation: this.token });
      this.isDone = true;
    } catch (error) {
      const said = this.learn(error);
      this.asked = Promise.resolve(said);
      const { problem } = error as ProblemError;
      const { changed, again } = ui.confirmed;
      throw new ProblemError({ ...problem, title: changed, detail: changed, next: again });
    }
  }

  /** Keeps the word of a refusal that is a question, and gives what it says; throws all others. */
  private learn(error: unknown): string {
    if (!isProblem(error, "confirmation_needed")) throw error;
    const { confirmation, detail } = error.problem;
    if (typeof confirmation !== "string") throw error;
    this.token = confirmation;
    return wouldHappen(detail);
  }
}

/** Behind the words that every such refusal begins with. */
export function wouldHappen(detail: string): string {
  return detail.replace(/^.*?what would happen:\s*/is, "");
}
