"""What Celery runs: for each kind of task the row that a hint names, and the sweep that sends the hints."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from celery import Celery, Task
from celery.exceptions import Ignore
from structlog import get_logger

from forebay.errors import ForebayError
from forebay.model.task import Done, Outcome, TaskKind, TaskState
from forebay.model.task import Task as Row
from forebay.orchestration.celery.crew import Crews
from forebay.orchestration.celery.queues import task_name
from forebay.orchestration.worker import Ended

SWEEP = "forebay.sweep"
SWEEP_EVERY = 5.0
"""Seconds between two sweeps, of all workers together."""
_REST = timedelta(seconds=30)
"""How long a process rests after what would stop every task: a full disk, a wrong key, a vendor that is away."""

log = get_logger()


class NotDone(Exception):
    """The task failed, for now or for good, and the ledger knows: Celery and Flower show the reason."""


def add_tasks(celery: Celery, crews: Crews) -> None:
    """Register what workers of `celery` run."""
    runs = Runs(crews)

    def run(celery_task: Task, row: int) -> dict[str, Any]:  # Celery binds functions, not methods
        return runs.run(celery_task, row)

    for kind in TaskKind:
        celery.task(run, name=task_name(kind), bind=True, throws=(NotDone, ForebayError))
    celery.task(runs.sweep, name=SWEEP, ignore_result=True, throws=(ForebayError,))


class Runs:
    """Runs hinted rows in this process, one after the other or in threads."""

    def __init__(self, crews: Crews) -> None:
        self._crews = crews
        self._rests_until: datetime | None = None

    def run(self, celery_task: Task, row: int) -> dict[str, Any]:
        """Run one row of the ledger if it may be claimed; what became of it.

        Raises NotDone when it failed, and what would stop every task: then this process rests before its next one.
        """
        crew = self._crews.crew()
        self._rest(crew.worker.clock.now())

        def tell(task: Row, state: TaskState) -> None:
            celery_task.update_state(state=state.value, meta={"task": task.id, "key": task.draft.key})

        try:
            ended = crew.worker.run_task(row, tell)
        except ForebayError as error:
            log.warning("nothing_can_run", reason=str(error), remedy=error.remedy, rest=_REST.total_seconds())
            self._rests_until = crew.worker.clock.now() + _REST
            crew.worker.begin_anew()
            raise
        return _left_alone(celery_task, row) if ended is None else _result(ended)

    def sweep(self) -> int:
        """Rescue what dead workers held, and send hints where a queue runs low; how many were sent."""
        crew = self._crews.crew()
        try:
            crew.rescue()
            sent = crew.hints.fill(tuple(crew.worker.handlers))
        finally:
            crew.broker.swept(SWEEP_EVERY)
        if sent:
            log.info("hints_sent", hints=sent)
        return sent

    def _rest(self, now: datetime) -> None:
        if self._rests_until is not None and now < self._rests_until:
            self._crews.crew().worker.clock.sleep((self._rests_until - now).total_seconds())
        self._rests_until = None


def _left_alone(celery_task: Task, row: int) -> dict[str, Any]:
    """What a hint comes to whose row somebody else has. Raises Ignore for one that came twice: the first one tells."""
    if (celery_task.request.delivery_info or {}).get("redelivered"):
        raise Ignore
    return {"task": row, "state": "left alone"}


def _result(ended: Ended) -> dict[str, Any]:
    draft = ended.task.draft
    if ended.state not in (TaskState.COMPLETED, TaskState.PENDING):
        raise NotDone(f"{draft.key}: {ended.state}: {_reason(ended.outcome)}")
    rows = sum(row.evidence.rows or 0 for row in ended.outcome.coverage) if isinstance(ended.outcome, Done) else None
    return {
        "task": ended.task.id,
        "key": draft.key,
        "into": draft.destination,
        "outcome": type(ended.outcome).__name__.lower(),
        "state": ended.state.value,
        "rows": rows,
        "reason": _reason(ended.outcome),
    }


def _reason(outcome: Outcome) -> str | None:
    return None if isinstance(outcome, Done) else outcome.reason
