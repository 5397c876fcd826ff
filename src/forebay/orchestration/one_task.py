"""One task, run now: here, or wherever somebody is at it already."""

from __future__ import annotations

from datetime import timedelta

from forebay.clock import Clock
from forebay.ledger import Ledger
from forebay.model.task import Task
from forebay.orchestration.worker import Worker

PATIENCE = timedelta(minutes=15)
"""How long a task that another worker is at is waited for, and one that failed is tried again."""
_LOOK_AGAIN = 1.0
"""Seconds."""


def finish(ledger: Ledger, clock: Clock, task_id: int, worker: Worker, patience: timedelta = PATIENCE) -> Task:
    """Run this task and no other; how it ended.

    One that is paused, that is put off for long or that keeps failing is returned as it is then. Raises what would
    stop every task (a wrong key, a full disk).
    """
    deadline = clock.now() + patience
    while True:
        worker.run_task(task_id)
        task = ledger.tasks.get(task_id)
        assert task is not None, "nobody deletes what has begun"
        now = clock.now()
        if task.state.over or task.hold or max(now, task.available_at) > deadline:
            return task
        left = (task.available_at - now).total_seconds()
        clock.sleep(min(max(left, 0.1), _LOOK_AGAIN))
