"""What the peers of `scripts/bench_runs.py` that are written in Python share: roles, commands, and the job itself.

A peer's file gives `main` a class. Roles: `prepare` makes tables and ends, `worker` works, `asker` asks, `both` does both in one
process. A worker says `ready`, and `started JOB NANOSECONDS` for jobs that are timed alone. An asker takes commands, one a line,
and answers each with one line of JSON: `alone COUNT`, `many COUNT FIRST`, `send COUNT FIRST`. Both end when their input does.

What a job does is in its number: below PLAIN it does two steps, from PLAIN on none, from CRASH on two slow steps of which the second
leaves a row in `effects`.
"""

import asyncio
import json
import os
import sys
import time

URL = os.environ["DATABASE_URL"]
WORKERS = int(os.environ["WORKERS"])
BATCH = int(os.environ["BATCH"])  # jobs in one request; 0: each its own
TIMED = 1_000  # jobs below are timed alone
PLAIN = 2_000_000
CRASH = 3_000_000
WARM = 5  # of those timed alone, not counted
SLOW = 0.005  # seconds of a slow step, so that a kill finds jobs under way
LOOK = 0.01  # seconds between two looks at what is left
ONE_STEP = "INSERT INTO steps VALUES (%s, %s)"
EFFECT = "INSERT INTO effects VALUES (%s)"


def say(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def started(job):
    if job < TIMED:
        say(f"started {job} {time.time_ns()}")


class Peer:
    """One that has no steps of its own: the job writes a row for each, in a commit of its own."""

    pool = None
    connections = WORKERS  # that are open from the start, for the steps

    async def open(self):
        from psycopg_pool import AsyncConnectionPool

        self.pool = AsyncConnectionPool(URL, min_size=self.connections, max_size=WORKERS, kwargs={"autocommit": True}, open=False)
        await self.pool.open(wait=True)

    async def sql(self, text, *values):
        async with self.pool.connection() as connection:
            cursor = await connection.execute(text, values, prepare=True)
            return await cursor.fetchone() if cursor.description else None

    async def job(self, job):
        started(job)
        if job >= CRASH:
            await asyncio.sleep(SLOW)
        if not PLAIN <= job < CRASH:
            await self.sql(ONE_STEP, job, 1)
            await self.second(job)

    async def second(self, job):
        if job >= CRASH:
            await asyncio.sleep(SLOW)
            await self.sql(EFFECT, job)
        else:
            await self.sql(ONE_STEP, job, 2)

    async def effect(self, job):
        """The second step of one that records steps by itself."""
        if job >= CRASH:
            await self.second(job)

    async def prepare(self):
        pass

    async def left(self):
        """Jobs that are not done. One whose `ask` waits for the end has none."""
        return 0

    async def wait(self, asked):
        pass

    async def send(self, job):
        """Asks and does not wait for the end."""
        await self.ask(job)


async def spread(items, do):
    """As many at once as there are workers."""
    items = iter(items)

    async def one():
        for item in items:
            await do(item)

    await asyncio.gather(*(one() for _ in range(WORKERS)))


async def alone(peer, count):
    asked, done = {}, {}
    for job in range(count + WARM):
        asked[job] = time.time_ns()
        await peer.wait(await peer.ask(job))
        done[job] = time.time_ns()
    kept = range(WARM, count + WARM)
    return {"asked": {job: asked[job] for job in kept}, "done": {job: done[job] for job in kept}}


async def many(peer, count, first):
    began = time.perf_counter()
    if BATCH:
        await spread([range(at, min(at + BATCH, first + count)) for at in range(first, first + count, BATCH)], peer.ask_many)
    else:
        await spread(range(first, first + count), peer.ask)
    asked = time.perf_counter() - began
    while await peer.left():
        await asyncio.sleep(LOOK)
    return {"asked_s": asked, "took_s": time.perf_counter() - began}


async def lines():
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield line.decode().split()


async def run(peer, role):
    if role == "prepare":
        return await peer.prepare()
    await peer.open()
    if role in ("worker", "both"):
        await peer.work()
    if role in ("asker", "both"):
        await peer.connect()
    say("ready")
    async for command, *numbers in lines():
        numbers = [int(number) for number in numbers]
        if command == "alone":
            answer = await alone(peer, *numbers)
        elif command == "many":
            answer = await many(peer, *numbers)
        else:
            await spread(range(numbers[1], numbers[1] + numbers[0]), peer.send)
            answer = {"sent": numbers[0]}
        say(json.dumps(answer))
    os._exit(0)  # a worker's own way of stopping waits for jobs; nobody wants them any more


def main(kind):
    asyncio.run(run(kind(), sys.argv[1]))
