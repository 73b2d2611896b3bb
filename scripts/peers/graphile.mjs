// graphile-worker, as a library. Batched as its page on performance says: a local queue, and completion of many in one statement.
import { BATCH, URL, WORKERS, load, main, sql, until, work } from "./peer.mjs";

const { Logger, makeWorkerUtils, run } = load("graphile-worker");
const quiet = new Logger(() => () => {});
const worker = { connectionString: URL, concurrentJobs: WORKERS, maxPoolSize: WORKERS + 2, logger: quiet };
if (BATCH) Object.assign(worker, { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 });
const preset = { worker };
let utils;

await main({
  async prepare() {
    utils = await makeWorkerUtils({ preset });
    await utils.migrate();
  },
  async work() {
    await run({ preset, taskList: { bench: ({ job }) => work(job) } });
  },
  async connect() {
    utils = await makeWorkerUtils({ preset });
  },
  ask: async (job) => (await utils.addJob("bench", { job })).id,
  askMany: (jobs) => utils.addJobs(jobs.map((job) => ({ identifier: "bench", payload: { job } }))),
  // What is done is deleted.
  wait: (id) => until(async () => !(await sql("SELECT 1 FROM graphile_worker._private_jobs WHERE id = $1", id)).length),
  left: async () => Number((await sql("SELECT count(*) FROM graphile_worker._private_jobs"))[0].count),
});
