"""awa: its Rust core through its Python package. Batched: many jobs in one COPY. It claims and ends many at once by itself.

The process that works also asks, and counts what returned: to ask awa what is left costs it more than the jobs (seconds, under load).
So of its jobs the end is where the job returned, and not the commit after it.
"""

import asyncio
from dataclasses import dataclass

import awa

from peer import URL, WORKERS, Peer, main

POLL = 5


@dataclass
class Bench:
    job: int


class Awa(Peer):
    asked = returned = 0

    async def prepare(self):
        await awa.AsyncClient(URL).migrate()

    async def open(self):
        await super().open()
        self.client = awa.AsyncClient(URL, max_connections=WORKERS + 4)
        self.ended = asyncio.Event()

    async def work(self):
        @self.client.task(Bench, queue="bench")
        async def bench(job):
            await self.job(job.args.job)
            self.returned += 1
            self.ended.set()

        await self.client.start([("bench", WORKERS)], poll_interval_ms=POLL)

    async def connect(self):
        pass

    async def ask(self, job):
        self.asked += 1
        await self.client.insert(Bench(job), queue="bench")

    async def ask_many(self, jobs):
        self.asked += len(jobs)
        await self.client.enqueue_many_copy([Bench(job) for job in jobs], queue="bench")

    async def wait(self, _):
        while await self.left():
            self.ended.clear()
            await self.ended.wait()

    async def left(self):
        return self.asked - self.returned


main(Awa)
