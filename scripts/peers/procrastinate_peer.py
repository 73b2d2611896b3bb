"""procrastinate: one worker with as many jobs at once as there are workers; jobs of a dead worker are taken up as its documentation says."""

import asyncio

import procrastinate

from peer import URL, WORKERS, Peer, main

AGAIN = 5  # seconds between two looks for jobs of dead workers
SOON = 0.001


class Procrastinate(Peer):
    def __init__(self):
        self.app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=URL, min_size=WORKERS, max_size=WORKERS + 4))

        @self.app.task(name="bench", retry=True)
        async def bench(job):
            await self.job(job)

        self.task = bench

    async def prepare(self):
        async with self.app.open_async():
            await self.app.schema_manager.apply_schema_async()

    async def open(self):
        await super().open()
        await self.app.open_async()

    async def work(self):
        self.working = [asyncio.create_task(self.app.run_worker_async(concurrency=WORKERS, install_signal_handlers=False)),
                        asyncio.create_task(self.rescue())]

    async def rescue(self):
        while True:
            for job in await self.app.job_manager.get_stalled_jobs():
                await self.app.job_manager.retry_job(job)
            await asyncio.sleep(AGAIN)

    async def connect(self):
        pass

    async def ask(self, job):
        return await self.task.defer_async(job=job)

    async def ask_many(self, jobs):
        await self.task.batch_defer_async(*({"job": job} for job in jobs))

    async def wait(self, asked):
        while (await self.sql("SELECT status::text FROM procrastinate_jobs WHERE id = %s", asked))[0] != "succeeded":
            await asyncio.sleep(SOON)

    async def left(self):
        return (await self.sql("SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"))[0]


main(Procrastinate)
