import { describe, expect, it, vi } from "vitest";
import type { Change } from "./changes";
import { Live, type World } from "./live";
import { ProblemError } from "./problem";

/** A browser with one lock and one channel, and a server that answers as it is told. */
class Browser {
  tabs: { onmessage: ((event: MessageEvent) => void) | null }[] = [];
  opened: { push: (text: string) => void; end: () => void }[] = [];
  refuse: Error | null = null;
  signedOut = vi.fn();
  private held = Promise.resolve();

  world(): World {
    const channel = {
      onmessage: null as ((event: MessageEvent) => void) | null,
      postMessage: (data: unknown) => {
        for (const tab of this.tabs) {
          if (tab !== channel) queueMicrotask(() => tab.onmessage?.({ data } as MessageEvent));
        }
      },
      close: () => undefined,
    };
    this.tabs.push(channel);
    return {
      open: async (signal) => {
        if (this.refuse) throw this.refuse;
        return this.stream(signal);
      },
      lock: (_, signal, held) => {
        const turn = this.held.then(() => (signal.aborted ? undefined : held()));
        this.held = turn.catch(() => undefined);
        return turn;
      },
      channel,
      signedOut: this.signedOut,
      now: () => 1_000,
      chance: () => 0,
    };
  }

  private stream(signal: AbortSignal): ReadableStream<Uint8Array> {
    return new ReadableStream({
      start: (controller) => {
        let over = false;
        const end = () => {
          if (!over) controller.close();
          over = true;
        };
        signal.addEventListener("abort", end);
        const push = (text: string) => controller.enqueue(new TextEncoder().encode(text));
        this.opened.push({ push, end });
      },
      cancel: () => undefined,
    });
  }

  async hello(version = "1"): Promise<void> {
    await vi.waitFor(() => expect(this.opened.length).toBeGreaterThan(0));
    this.opened.at(-1)?.push(`event: hello\ndata: {"version":"${version}"}\n\n`);
  }
}

function heard(live: Live): Change[] {
  const changes: Change[] = [];
  live.onChange((change) => changes.push(change));
  return changes;
}

const CARD = `event: card\ndata: {"card":"card_1","project":"p"}\n\n`;

describe("Live", () => {
  it("opens one stream for two tabs, and both hear", async () => {
    const browser = new Browser();
    const [one, two] = [new Live(browser.world()), new Live(browser.world())];
    const both = [heard(one), heard(two)];
    one.start();
    two.start();
    await browser.hello();
    await vi.waitFor(() => expect(two.state().phase).toBe("live"));
    browser.opened[0]?.push(CARD);
    for (const changes of both) {
      await vi.waitFor(() =>
        expect(changes).toEqual([
          { kind: "resync" },
          { kind: "card", card: "card_1", project: "p" },
        ]),
      );
    }
    expect(browser.opened).toHaveLength(1);
    one.stop();
    two.stop();
  });

  it("passes the stream on when the tab that has it goes", async () => {
    const browser = new Browser();
    const [one, two] = [new Live(browser.world()), new Live(browser.world())];
    one.start();
    two.start();
    await browser.hello();
    await vi.waitFor(() => expect(two.state().phase).toBe("live"));
    const changes = heard(two);
    one.stop();
    await vi.waitFor(() => expect(browser.opened).toHaveLength(2));
    await browser.hello();
    await vi.waitFor(() => expect(changes).toContainEqual({ kind: "resync" }));
    two.stop();
  });

  it("says offline, tries again, and looks at everything when it is back", async () => {
    const browser = new Browser();
    const live = new Live(browser.world());
    const phases: string[] = [];
    live.onState(() => phases.push(live.state().phase));
    const changes = heard(live);
    live.start();
    await browser.hello();
    await vi.waitFor(() => expect(live.state().phase).toBe("live"));
    browser.opened[0]?.end();
    await vi.waitFor(() => expect(live.state().phase).toBe("offline"));
    expect(live.state().retryAt).toBe(1_250);
    live.retry();
    await vi.waitFor(() => expect(browser.opened).toHaveLength(2));
    expect(live.state().phase).toBe("offline");
    await browser.hello();
    await vi.waitFor(() => expect(live.state().phase).toBe("live"));
    expect(live.state().failures).toBe(0);
    expect(changes).toEqual([{ kind: "resync" }, { kind: "resync" }]);
    live.stop();
  });

  it("lets a tab without the stream ask for an attempt", async () => {
    const browser = new Browser();
    browser.refuse = new Error("away");
    const [one, two] = [new Live(browser.world()), new Live(browser.world())];
    one.start();
    two.start();
    await vi.waitFor(() => expect(two.state().phase).toBe("offline"));
    browser.refuse = null;
    two.retry();
    await vi.waitFor(() => expect(browser.opened).toHaveLength(1));
    one.stop();
    two.stop();
  });

  it("stops at a refusal and goes on with another token", async () => {
    const browser = new Browser();
    browser.refuse = new ProblemError({
      type: "",
      title: "",
      status: 401,
      code: "unauthenticated",
      detail: "",
      next: "",
    });
    const live = new Live(browser.world());
    live.start();
    await vi.waitFor(() => expect(live.state().phase).toBe("signed-out"));
    expect(browser.signedOut).toHaveBeenCalledTimes(1);
    browser.refuse = null;
    live.reconnect();
    await browser.hello();
    await vi.waitFor(() => expect(live.state().phase).toBe("live"));
    live.stop();
  });

  it("says that Freehold was updated when the version is another one", async () => {
    const browser = new Browser();
    const live = new Live(browser.world(), "1");
    live.start();
    await browser.hello("2");
    await vi.waitFor(() => expect(live.state().phase).toBe("updated"));
    live.stop();
  });
});
