// pg-boss: workers that a notification wakes. Batched: a hundred in one fetch, at once again while the batches are full.
import { BATCH, URL, WORKERS, load, main, sql, until, work } from "./peer.mjs";

const { PgBoss } = load("pg-boss");
const QUEUE = "bench";
const boss = new PgBoss({ connectionString: URL, max: WORKERS + 2, useListenNotify: true });
boss.on("error", (error) => console.error(error));
const workers = BATCH
  ? { localConcurrency: 2, batchSize: BATCH, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5, notifyPollingIntervalSeconds: 0.5 }
  : { localConcurrency: WORKERS, batchSize: 1, burstWhenReadyExceeds: 1, pollingIntervalSeconds: 0.5, notifyPollingIntervalSeconds: 0.5 };

await main({
  async prepare() {
    await boss.start();
    await boss.createQueue(QUEUE, { notify: true });
  },
  async work() {
    await boss.start();
    await boss.work(QUEUE, workers, (jobs) => work(...jobs.map(({ data }) => data.job)));
  },
  connect: () => boss.start(),
  ask: (job) => boss.send(QUEUE, { job }),
  askMany: (jobs) => boss.insert(QUEUE, jobs.map((job) => ({ data: { job } }))),
  wait: (id) => until(async () => (await sql("SELECT state FROM pgboss.job WHERE id = $1", id))[0].state === "completed"),
  left: async () => Number((await sql("SELECT count(*) FROM pgboss.job WHERE name = $1 AND state < 'completed'", QUEUE))[0].count),
});
