"""DBOS: a workflow of two steps. In the process that asks, which is its fastest; over its queue where the worker is killed."""

from dbos import DBOS, DBOSClient

from peer import URL, WORKERS, Peer, main, started

POLL = 0.1  # seconds; its default is one
QUEUE = "bench"


class Dbos(Peer):
    connections = 1  # it has its own

    async def work(self):
        peer = self

        @DBOS.step()
        async def one(job):
            started(job)

        @DBOS.step()
        async def two(job):
            await peer.effect(job)

        @DBOS.workflow(name="bench")
        async def bench(job):
            await one(job)
            await two(job)

        self.bench = bench
        DBOS(config={"name": "bench", "system_database_url": URL, "sys_db_pool_size": WORKERS + 4, "log_level": "ERROR",
                     "executor_id": "bench", "application_version": "1"})
        DBOS.launch()
        await DBOS.register_queue_async(QUEUE, worker_concurrency=WORKERS, polling_interval_sec=POLL)
        self.client = None

    async def connect(self):
        if not hasattr(self, "client"):
            self.client = DBOSClient(system_database_url=URL)

    async def ask(self, job):
        handle = await DBOS.start_workflow_async(self.bench, job)
        await handle.get_result()

    async def send(self, job):
        await self.client.enqueue_async({"workflow_name": "bench", "queue_name": QUEUE, "app_version": "1"}, job)


main(Dbos)
