// What the peers that are written for Node share; peer.py says what roles, commands and numbers of jobs mean.
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

export const URL = process.env.DATABASE_URL;
export const WORKERS = Number(process.env.WORKERS);
export const BATCH = Number(process.env.BATCH); // jobs in one request; 0: each its own
export const TIMED = 1_000; // jobs below are timed alone
export const PLAIN = 2_000_000;
export const CRASH = 3_000_000;
const WARM = 5; // of those timed alone, not counted
const SLOW = 5; // milliseconds of a slow step, so that a kill finds jobs under way
const LOOK = 10; // milliseconds between two looks at what is left
const SOON = 1; // and between two looks at one

/** A package of a peer; they are not beside this file. */
export const load = createRequire(join(process.env.PEER_PACKAGES, "package.json"));

const pool = new (load("pg").Pool)({ connectionString: URL, max: WORKERS });
const names = new Map(); // a statement with a name is prepared once a connection

export async function sql(text, ...values) {
  if (!names.has(text)) names.set(text, `s${names.size}`);
  return (await pool.query({ name: names.get(text), text, values })).rows;
}

const now = () => BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e3)) * 1000n;

export function started(job) {
  if (job < TIMED) console.log(`started ${job} ${now()}`);
}

const steps = (jobs, n) => sql("INSERT INTO steps SELECT unnest($1::int[]), $2", jobs, n);
const effects = (jobs) => sql("INSERT INTO effects SELECT unnest($1::int[])", jobs);

/** The second step: what a kill in the middle must neither lose nor double. */
export async function second(jobs) {
  if (jobs[0] >= CRASH) {
    await sleep(SLOW);
    await effects(jobs);
  } else await steps(jobs, 2);
}

/** The work of jobs that were taken together: each step is a commit of its own. */
export async function work(...jobs) {
  jobs.forEach(started);
  if (jobs[0] >= CRASH) await sleep(SLOW);
  const wanted = jobs.filter((job) => job < PLAIN || job >= CRASH);
  if (!wanted.length) return;
  await steps(wanted, 1);
  await second(wanted);
}

/** Until `look` finds what it looks for. */
export async function until(look) {
  while (!(await look())) await sleep(SOON);
}

/** As many at once as there are workers. */
async function spread(items, run) {
  let at = 0;
  const one = async () => {
    while (at < items.length) await run(items[at++]);
  };
  await Promise.all(Array.from({ length: WORKERS }, one));
}

const range = (count, first) => Array.from({ length: count }, (_, n) => first + n);

const commands = {
  async alone(peer, count) {
    const asked = {}, done = {};
    for (const job of range(count + WARM, 0)) {
      const before = now();
      const it = await peer.ask(job);
      await peer.wait?.(it);
      if (job < WARM) continue;
      asked[job] = Number(before);
      done[job] = Number(now());
    }
    return { asked, done };
  },
  async many(peer, count, first) {
    const began = performance.now();
    const jobs = range(count, first);
    if (BATCH) {
      const chunks = range(Math.ceil(count / BATCH), 0).map((n) => jobs.slice(n * BATCH, (n + 1) * BATCH));
      await spread(chunks, peer.askMany);
    } else await spread(jobs, peer.ask);
    const asked = performance.now() - began;
    while (await peer.left?.()) await sleep(LOOK);
    return { asked_s: asked / 1000, took_s: (performance.now() - began) / 1000 };
  },
  async send(peer, count, first) {
    await spread(range(count, first), peer.send ?? peer.ask);
    return { sent: count };
  },
};

export async function main(peer) {
  const role = process.argv[2];
  if (role === "prepare") {
    await peer.prepare?.();
    process.exit(0);
  }
  await peer[role === "worker" ? "work" : "connect"]();
  console.log("ready");
  for await (const line of createInterface({ input: process.stdin })) {
    const [command, ...numbers] = line.split(" ");
    console.log(JSON.stringify(await commands[command](peer, ...numbers.map(Number))));
  }
  process.exit(0); // a worker's own way of stopping waits for jobs; nobody wants them any more
}
