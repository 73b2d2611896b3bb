/**
 * One stream of hints per browser. HTTP/1.1 allows six connections to a host, so six tabs with a
 * stream each would leave none for anything else: the tab that holds a Web Lock has the stream and
 * passes the hints on by BroadcastChannel. When it goes, the browser gives the lock to another.
 */

import { backoff } from "../lib/backoff";
import { type Change, parseChange } from "./changes";
import { type LiveEvent, type LiveState, next, START } from "./live-state";
import { isProblem } from "./problem";
import { SseParser } from "./sse";

/** The server speaks at least every 15 s; after two and a half silences the line is dead. */
const SILENCE_MS = 40_000;
const LOCK = "freehold.live";

type Note =
  | { kind: "change"; change: Change }
  | { kind: "state"; state: LiveState }
  | { kind: "ask" }
  | { kind: "retry" };

/** What it needs of the browser, so that tests can play it. */
export interface World {
  /** Opens the stream; throws a problem where the server refuses. */
  open(signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  /** Holds the lock while `held` runs; null where the browser has no locks. */
  lock: ((name: string, signal: AbortSignal, held: () => Promise<void>) => Promise<void>) | null;
  channel: Pick<BroadcastChannel, "postMessage" | "close"> & {
    onmessage: ((event: MessageEvent) => void) | null;
  };
  /** The server has ended the session that the stream was opened with. */
  signedOut(): void;
  now(): number;
  chance(): number;
}

export class Live {
  private present: LiveState = START;
  private readonly changes = new Set<(change: Change) => void>();
  private readonly states = new Set<() => void>();
  private stopped = new AbortController();
  /** The start that holds the lock. */
  private leading: AbortSignal | null = null;
  /** Ends the wait before the next attempt. */
  private wake: (() => void) | null = null;
  private connection: AbortController | null = null;

  /** `built` is the version that the page was built with, where it is known. */
  constructor(
    private readonly world: World,
    built: string | null = null,
  ) {
    this.present = { ...START, first: built };
    world.channel.onmessage = (event) => this.heard(event.data as Note);
  }

  readonly state = (): LiveState => this.present;

  readonly onState = (listener: () => void): (() => void) => {
    this.states.add(listener);
    return () => this.states.delete(listener);
  };

  readonly onChange = (listener: (change: Change) => void): (() => void) => {
    this.changes.add(listener);
    return () => this.changes.delete(listener);
  };

  /** Runs until `stop`. */
  start(): void {
    this.stopped = new AbortController();
    const { signal } = this.stopped;
    this.world.channel.postMessage({ kind: "ask" } satisfies Note);
    const lead = async () => {
      this.leading = signal;
      await this.lead(signal).finally(() => {
        if (this.leading === signal) this.leading = null;
      });
    };
    const led = this.world.lock === null ? lead() : this.world.lock(LOCK, signal, lead);
    // The lock request ends by abort when this tab stops; there is nothing to say about that.
    led.catch(() => undefined);
  }

  stop(): void {
    this.stopped.abort();
  }

  /** Someone does not want to wait for the next attempt. */
  readonly retry = (): void => {
    if (this.leader()) this.wake?.();
    else this.world.channel.postMessage({ kind: "retry" } satisfies Note);
  };

  /** The token is another one, or there is one again: the stream must be opened with it. */
  readonly reconnect = (): void => {
    this.connection?.abort();
    this.wake?.();
  };

  private leader(): boolean {
    return this.leading !== null && !this.leading.aborted;
  }

  private async lead(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.step({ kind: "attempt" });
      const ended = await this.connect(signal);
      if (signal.aborted) return;
      if (ended === "signed-out") {
        this.step({ kind: "signed-out" });
        this.world.signedOut();
        await this.pause(null, signal);
        continue;
      }
      if (ended === "again") continue;
      const wait = backoff(this.present.failures + 1, this.world.chance());
      this.step({ kind: "failed", retryAt: this.world.now() + wait });
      await this.pause(wait, signal);
    }
  }

  private async connect(signal: AbortSignal): Promise<"failed" | "signed-out" | "again"> {
    const connection = new AbortController();
    this.connection = connection;
    const both = AbortSignal.any([signal, connection.signal]);
    let silence: ReturnType<typeof setTimeout> | undefined;
    let silent = false;
    const alive = () => {
      clearTimeout(silence);
      silence = setTimeout(() => {
        silent = true;
        connection.abort();
      }, SILENCE_MS);
    };
    try {
      alive();
      const stream = await this.world.open(both);
      const parser = new SseParser();
      for await (const piece of decoded(stream, both)) {
        alive();
        for (const event of parser.push(piece)) {
          const message = parseChange(event);
          if (message?.kind === "signed_out") return "signed-out";
          if (message?.kind === "hello") {
            this.step({ kind: "hello", version: message.version });
            // Between the last stream and this one, anything can have happened.
            this.pass({ kind: "resync" });
          } else if (message !== null) {
            this.pass(message);
          }
        }
      }
      return "failed";
    } catch (error) {
      if (isProblem(error, "unauthenticated")) return "signed-out";
      return connection.signal.aborted && !silent ? "again" : "failed";
    } finally {
      clearTimeout(silence);
      connection.abort();
      this.connection = null;
    }
  }

  /** Waits so long, or until it is woken; null waits only for that. */
  private pause(ms: number | null, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const timer = ms === null ? undefined : setTimeout(done, ms);
      const wake = done;
      function done() {
        clearTimeout(timer);
        signal.removeEventListener("abort", wake);
        resolve();
      }
      signal.addEventListener("abort", wake);
      this.wake = done;
    });
  }

  private step(event: LiveEvent): void {
    this.show(next(this.present, event, this.world.now()));
    this.world.channel.postMessage({ kind: "state", state: this.present } satisfies Note);
  }

  private pass(change: Change): void {
    this.world.channel.postMessage({ kind: "change", change } satisfies Note);
    this.tell(change);
  }

  private heard(note: Note): void {
    if (note.kind === "ask") {
      if (this.leader()) {
        this.world.channel.postMessage({ kind: "state", state: this.present } satisfies Note);
      }
    } else if (note.kind === "retry") {
      if (this.leader()) this.wake?.();
    } else if (!this.leader()) {
      if (note.kind === "change") this.tell(note.change);
      // Which version this tab was loaded from is its own matter.
      else this.follow(note.state);
    }
  }

  private follow(state: LiveState): void {
    const first = this.present.first ?? state.version;
    const connected = state.phase === "live" || state.phase === "updated";
    const old = connected && first !== null && first !== state.version;
    const phase = connected ? (old ? "updated" : "live") : state.phase;
    this.show({ ...state, first, phase });
  }

  private show(state: LiveState): void {
    this.present = state;
    for (const listener of this.states) listener();
  }

  private tell(change: Change): void {
    for (const listener of this.changes) listener(change);
  }
}

async function* decoded(
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  const cancel = () => void reader.cancel().catch(() => undefined);
  signal.addEventListener("abort", cancel);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      signal.throwIfAborted();
      if (done) return;
      yield decoder.decode(value, { stream: true });
    }
  } finally {
    signal.removeEventListener("abort", cancel);
    cancel();
  }
}
