"""Hints: messages that name a row of the ledger's task table. Losing one, or sending it twice, changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from forebay.errors import BrokerUnavailable, UsageError
from forebay.ledger.tasks import Tasks
from forebay.model.task import Task, TaskKind
from forebay.orchestration.celery.broker import Broker
from forebay.orchestration.celery.queues import QUEUES, queue_of, task_name
from forebay.settings import Settings

if TYPE_CHECKING:
    from celery import Celery

FULL = 10_000
"""Hints in a queue at most, a kilobyte each; the ledger has the rest."""
LOW = 1_000
"""A queue with fewer is filled up: more than all workers run between two sweeps."""


def open_hints(settings: Settings, broker: Broker, tasks: Tasks) -> Hints:
    """For whoever only sends. Raises UsageError without Celery."""
    try:
        from forebay.orchestration.celery.setup import make_celery
    except ModuleNotFoundError as error:
        raise UsageError("Celery is not installed", remedy="pip install 'forebay[distributed]'") from error
    return Hints(make_celery(settings), broker, tasks)


class Hints:
    """Sends hints for what may be claimed."""

    def __init__(self, celery: Celery, broker: Broker, tasks: Tasks, *, full: int = FULL) -> None:
        """`full` is how many hints a queue holds at most."""
        self._celery = celery
        self._broker = broker
        self._tasks = tasks
        self._full = full

    def fill(self, kinds: Collection[TaskKind] = tuple(TaskKind)) -> int:
        """Fill each queue that runs low with hints for tasks of `kinds`, in the order of claims; how many were sent.

        What is in a queue already is not sent again. Raises BrokerUnavailable, LedgerError.
        """
        return sum(self._fill(queue, [kind for kind in kinds if queue_of(kind) == queue]) for queue in QUEUES)

    def _fill(self, queue: str, kinds: list[TaskKind]) -> int:
        depth = self._broker.depth(queue)
        if not kinds or depth >= min(LOW, self._full):
            return 0
        there = self._broker.hinted(queue)
        due = [task for task in self._tasks.due(kinds, limit=self._full) if task.id not in there]
        fresh = due[: self._full - depth]
        self._send(fresh)
        return len(fresh)

    def _send(self, tasks: Iterable[Task]) -> None:
        from kombu.exceptions import OperationalError
        from redis.exceptions import RedisError

        try:
            with self._celery.producer_or_acquire() as producer:
                for task in tasks:
                    self._celery.send_task(task_name(task.draft.kind), producer=producer, **_hint(task))
        except (OperationalError, RedisError, OSError) as error:
            raise BrokerUnavailable(
                f"Redis went away while hints were sent: {error}",
                remedy="nothing is to be done: the ledger has the tasks, and workers find them",
            ) from error


def _hint(task: Task) -> dict[str, Any]:
    """A message's id begins with the row, so that whoever looks into a queue can tell; people see the key."""
    return {
        "args": (task.id,),
        "argsrepr": f"{task.draft.key} ({task.id})",
        "task_id": f"{task.id}-{uuid4().hex[:12]}",
        "queue": queue_of(task.draft.kind),
    }
