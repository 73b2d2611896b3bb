"""Temporal: a workflow of two activities."""

import asyncio
import os
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from peer import WORKERS, Peer, main, started

QUEUE = "bench"
LIMIT = timedelta(seconds=10)  # an activity that a killed worker had is given away again after it


@workflow.defn
class Bench:
    @workflow.run
    async def run(self, job: int) -> None:
        await workflow.execute_activity("one", job, start_to_close_timeout=LIMIT)
        await workflow.execute_activity("two", job, start_to_close_timeout=LIMIT)


class Temporal(Peer):
    connections = 1  # for effects only

    async def open(self):
        await super().open()
        self.client = await Client.connect(os.environ["SERVER"])

    async def work(self):
        @activity.defn
        async def one(job: int) -> None:
            started(job)

        @activity.defn
        async def two(job: int) -> None:
            await self.effect(job)

        worker = Worker(self.client, task_queue=QUEUE, workflows=[Bench], activities=[one, two], max_concurrent_activities=WORKERS,
                        workflow_runner=UnsandboxedWorkflowRunner())
        self.working = asyncio.create_task(worker.run())

    async def connect(self):
        pass

    async def ask(self, job):
        await self.client.execute_workflow(Bench.run, job, id=f"job-{job}", task_queue=QUEUE)

    async def send(self, job):
        await self.client.start_workflow(Bench.run, job, id=f"job-{job}", task_queue=QUEUE)


main(Temporal)
