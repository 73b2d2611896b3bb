/** The HTTP API as a script uses it: plain JSON with the owner's token. Only what the tests need is typed. */
import { DEADLINE_MS, until } from "./wait";

const REQUEST_MS = 30_000;

export interface Entity {
  id: string;
}
export interface Page<T> {
  items: T[];
  next: string | null;
}
export interface Card extends Entity {
  title: string;
  lane: string;
  rank: number;
  run: string | null;
  run_state: string | null;
  landed: boolean;
}
export interface Run extends Entity {
  state: string;
  reason: string | null;
  detail: string | null;
  card: string;
  base: string | null;
  commit: string | null;
  landed: string | null;
  last_seq: number;
}
export interface RunEvent {
  seq: number;
  ts: string;
  type: string;
  payload: Record<string, unknown>;
}

/** What an agent of the tests does; see tools/actor. */
export type Act =
  | { say: string }
  | { think: string }
  | { plan: [string, string][] }
  | { usage: [number, number] }
  | { sh: string }
  | { wait: string }
  | { tool: string; kind?: string; paths?: string[]; status?: string }
  | { flood: number };

/** An answer that is no success, with the problem document as its text. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    what: string,
  ) {
    super(what);
  }
}

export class Api {
  constructor(
    readonly url: string,
    readonly token: string,
  ) {}

  async raw(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    return fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        "content-type": "application/json",
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(REQUEST_MS),
    });
  }

  async request<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await this.raw(method, path, body);
    const text = await response.text();
    if (!response.ok) {
      const code = /"code":"([a-z_]+)"/.exec(text)?.[1] ?? "";
      throw new Refused(
        response.status,
        code,
        `${method} ${path}: ${response.status} ${text.slice(0, 2000)}`,
      );
    }
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  get = <T>(path: string) => this.request<T>("GET", path);
  post = <T>(path: string, body: unknown = {}) => this.request<T>("POST", path, body);

  project(name: string, remote: string): Promise<Entity> {
    return this.post("/projects", { name, remote });
  }

  /** A `command` agent that runs this shell script in the workspace. */
  agent(name: string, script: string): Promise<Entity> {
    return this.post("/agents", {
      name,
      driver: "command",
      command: ["sh", "-c", `set -eu\n${script}`],
    });
  }

  /** An agent that talks: it plays these acts (see tools/actor). */
  actor(name: string, acts: Act[]): Promise<Entity> {
    return this.post("/agents", { name, driver: "acp", command: ["actor", JSON.stringify(acts)] });
  }

  card(
    project: string,
    title: string,
    more: { body?: string; depends?: string[] } = {},
  ): Promise<Card> {
    return this.post("/cards", { project, title, ...more });
  }

  start(card: string, agent: string): Promise<Run> {
    return this.post(`/cards/${card}/runs`, { agent });
  }

  run = (id: string) => this.get<Run>(`/runs/${id}`);

  /** Waits until a run is in one of these states, over a server that comes and goes. */
  runIn(id: string, ...states: string[]): Promise<Run> {
    return this.runWithin(DEADLINE_MS, id, ...states);
  }

  /** The same for what takes longer. */
  runWithin(deadlineMs: number, id: string, ...states: string[]): Promise<Run> {
    let last = "";
    return until(
      `run ${id} is ${states.join(" or ")}`,
      async () => {
        const run = await this.run(id).catch(() => null);
        if (!run) return null;
        if (
          run.state !== last &&
          ["failed", "cancelled"].includes(run.state) &&
          !states.includes(run.state)
        ) {
          throw new Error(`run ${id} is ${run.state} (${run.reason}): ${run.detail}`);
        }
        last = run.state;
        return states.includes(run.state) ? run : null;
      },
      deadlineMs,
    );
  }

  /** A card that was run until it waits for a review. */
  async reviewable(
    project: string,
    title: string,
    agent: string,
  ): Promise<{ card: Card; run: Run }> {
    const card = await this.card(project, title);
    const { id } = await this.start(card.id, agent);
    return { card, run: await this.runIn(id, "waiting") };
  }

  /** All events of a run. */
  async events(run: string): Promise<RunEvent[]> {
    const all: RunEvent[] = [];
    for (let after = "0"; ; ) {
      const page = await this.get<Page<RunEvent>>(`/runs/${run}/events?after=${after}&limit=200`);
      all.push(...page.items);
      if (page.next === null) return all;
      after = page.next;
    }
  }
}
