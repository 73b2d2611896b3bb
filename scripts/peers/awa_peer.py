"""awa: its Rust core through its Python package. Batched: many jobs in one COPY. It claims many at once by itself."""

import asyncio
import contextlib
from dataclasses import dataclass

import awa

from peer import URL, WORKERS, Peer, main

POLL = 20  # milliseconds; its default of 200 would make one job alone look slow
SOON = 0.001


@dataclass
class Bench:
    job: int


class Awa(Peer):
    async def prepare(self):
        await awa.AsyncClient(URL).migrate()

    async def open(self):
        await super().open()
        self.client = awa.AsyncClient(URL, max_connections=WORKERS + 4)

    async def work(self):
        @self.client.task(Bench, queue="bench")
        async def bench(job):
            await self.job(job.args.job)

        await self.client.start([("bench", WORKERS)], poll_interval_ms=POLL)

    async def connect(self):
        pass

    async def ask(self, job):
        return (await self.client.insert(Bench(job), queue="bench")).id

    async def ask_many(self, jobs):
        await self.client.enqueue_many_copy([Bench(job) for job in jobs], queue="bench")

    async def wait(self, asked):
        while True:
            with contextlib.suppress(awa.AwaError):  # between two of its tables a job is not found
                if (await self.client.get_job(asked)).state == awa.JobState.Completed:
                    return
            await asyncio.sleep(SOON)

    async def left(self):
        return sum(stat.total_queued + stat.running for stat in await self.client.queue_stats() if stat.queue == "bench")


main(Awa)
