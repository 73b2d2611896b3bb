import { describe, expect, it, vi } from "vitest";
import { Offline, ProblemError } from "./problem";
import { Renewal, type Renewed, type World } from "./renew";
import { isDue, outcome, waitFor } from "./renew-plan";

const DAY = 24 * 60 * 60 * 1_000;
const NOW = 1_000 * DAY;

function problem(code: string, status: number, retry_after_s?: number) {
  return new ProblemError({
    type: "",
    title: "",
    detail: "",
    next: "",
    code,
    status,
    retry_after_s,
  });
}

describe("isDue", () => {
  const facts = { token: "fhb_a", renewAt: NOW, now: NOW, used: true, notBefore: 0 };

  it("is a day after the last time, in a page that somebody looks at", () => {
    expect(isDue(facts)).toBe(true);
    expect(isDue({ ...facts, renewAt: NOW + 1 })).toBe(false);
    expect(isDue({ ...facts, used: false })).toBe(false);
    expect(isDue({ ...facts, token: null })).toBe(false);
  });
  it("is at once where a wrong clock wrote down when, and never where nobody did yet", () => {
    expect(isDue({ ...facts, renewAt: NOW + 30 * DAY })).toBe(true);
    expect(isDue({ ...facts, renewAt: Number.NaN })).toBe(true);
    expect(isDue({ ...facts, renewAt: null })).toBe(false);
  });
  it("is never for a token that is no browser's, nor right after a failure", () => {
    expect(isDue({ ...facts, token: "fhu_a" })).toBe(false);
    expect(isDue({ ...facts, notBefore: NOW + 1 })).toBe(false);
  });
});

describe("what an answer means", () => {
  it("ends the session for a refusal alone", () => {
    expect(outcome(problem("unauthenticated", 401))).toBe("over");
    expect(outcome(problem("conflict", 409))).toBe("renewed-before");
    for (const error of [new Offline(), problem("too_many", 429), problem("internal", 500)]) {
      expect(outcome(error)).toBe("later");
    }
  });
  it("asks soon after a lost answer, then rarely, and as late as it is told to", () => {
    expect(waitFor(1, new Offline())).toBe(5_000);
    expect(waitFor(13, new Offline())).toBe(300_000);
    expect(waitFor(1, problem("internal", 500))).toBe(300_000);
    expect(waitFor(1, problem("too_many", 429, 900))).toBe(900_000);
  });
});

/** Tabs over one storage and one lock, and a server that follows one token by one other. */
class Tabs {
  present: string | null = "fhb_0";
  renewAt: number | null = NOW;
  now = NOW;
  made = 0;
  /** Answers that the network loses. */
  lose = 0;
  replaced = new Set<string>();
  renew = vi.fn(async (token: string): Promise<Renewed> => {
    if (this.replaced.has(token)) throw problem("conflict", 409);
    this.replaced.add(token);
    return this.give();
  });
  beginAnew = vi.fn(async () => this.give());
  drop = vi.fn(async () => null);
  private held = false;

  private give(): Renewed {
    this.made += 1;
    if (this.lose > 0) {
      this.lose -= 1;
      throw new Offline(true);
    }
    return { token: `fhb_${this.made}` };
  }

  tab(): Renewal {
    const world: World = {
      token: () => this.present,
      renewAt: () => this.renewAt,
      renewLater: () => {
        this.renewAt = this.now + DAY;
      },
      replace: (old, next) => {
        if (this.present !== old) return false;
        this.present = next.token;
        this.renewAt = this.now + DAY;
        return true;
      },
      renew: this.renew,
      beginAnew: this.beginAnew,
      drop: this.drop,
      alone: async (held) => {
        if (this.held) return;
        this.held = true;
        await held().finally(() => {
          this.held = false;
        });
      },
      used: () => true,
      now: () => this.now,
      pause: async () => undefined,
    };
    return new Renewal(world);
  }
}

describe("Renewal", () => {
  it("is done by one of several tabs, once a day", async () => {
    const tabs = new Tabs();
    const [one, two] = [tabs.tab(), tabs.tab()];
    await Promise.all([one.look(), two.look(), one.look()]);
    await two.look();
    expect(tabs.renew).toHaveBeenCalledTimes(1);
    expect(tabs.present).toBe("fhb_1");
    tabs.now += DAY;
    await two.look();
    expect(tabs.present).toBe("fhb_2");
  });

  it("begins the day with a token that is there already", async () => {
    const tabs = new Tabs();
    tabs.renewAt = null;
    await tabs.tab().look();
    expect(tabs.renewAt).toBe(NOW + DAY);
    expect(tabs.renew).not.toHaveBeenCalled();
  });

  it("goes on after an answer that was lost, with the old token while that is good", async () => {
    const tabs = new Tabs();
    tabs.lose = 1;
    const tab = tabs.tab();
    await tab.look();
    expect(tabs.present).toBe("fhb_0");
    await tab.look();
    expect(tabs.renew).toHaveBeenCalledTimes(1);
    tabs.now += 5_000;
    await tab.look();
    expect(tabs.beginAnew).toHaveBeenCalledExactlyOnceWith("fhb_0");
    expect(tabs.present).toBe("fhb_2");
  });

  it("takes the token of a tab that was faster where there are no locks", async () => {
    const tabs = new Tabs();
    const tab = tabs.tab();
    tabs.renew.mockImplementationOnce(async () => {
      tabs.present = "fhb_other";
      tabs.renewAt = NOW + DAY;
      throw problem("conflict", 409);
    });
    await tab.look();
    expect(tabs.beginAnew).not.toHaveBeenCalled();
    expect(tabs.present).toBe("fhb_other");
  });

  it("does not sign in again who signed out meanwhile", async () => {
    const tabs = new Tabs();
    tabs.renew.mockImplementationOnce(async () => {
      tabs.present = null;
      return { token: "fhb_1" };
    });
    await tabs.tab().look();
    expect(tabs.present).toBeNull();
    expect(tabs.drop).toHaveBeenCalledExactlyOnceWith("fhb_1");
  });
});
