"""The tasks of the ledger: adding, claiming, finishing, looking."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

import sqlalchemy as sa

from forebay.clock import Clock
from forebay.db.engine import Database
from forebay.db.tables import CLAIMABLE, coverage, tasks
from forebay.ledger import claim as leases
from forebay.ledger.add import Adding, add
from forebay.ledger.coverage import supersede
from forebay.ledger.finish import RetryPolicy, ended
from forebay.ledger.records import AS_NEW, NOT_HELD, entering, read_task
from forebay.model.coverage import Verdict
from forebay.model.task import Discard, Done, Lease, Outcome, Task, TaskDraft, TaskKind, TaskState

UNFINISHED = (TaskState.FAILED_DOWNLOAD, TaskState.FAILED_UPLOAD, TaskState.PERMANENT_FAILURE)
"""What `retry` starts over unless it is told otherwise."""


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks; what is None does not narrow."""

    ids: Collection[int] | None = None
    states: Collection[TaskState] | None = None
    dataset: str | None = None
    table: str | None = None
    symbol: str | None = None
    destination: str | None = None

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """As SQL conditions, all of which must hold."""
        wanted: list[sa.ColumnElement[bool]] = []
        if self.ids is not None:
            wanted.append(tasks.c.id.in_(self.ids))
        if self.states is not None:
            wanted.append(tasks.c.status.in_([state.value for state in self.states]))
        equal = {"dataset": self.dataset, "table_name": self.table, "symbol": self.symbol}
        equal["destination"] = self.destination
        wanted.extend(tasks.c[name] == value for name, value in equal.items() if value is not None)
        return wanted


_ALL = TaskFilter()


class Tasks:
    """The task table. Every method is one or few short transactions; all raise LedgerError for the database's sake."""

    def __init__(self, database: Database, clock: Clock, policy: RetryPolicy, rng: Random) -> None:
        self._database = database
        self._clock = clock
        self._policy = policy
        self._rng = rng

    def add(self, drafts: Iterable[TaskDraft], *, again: bool = False, planned_at: datetime | None = None) -> int:
        """Add drafts, however many; how many tasks are new or start over.

        A draft whose (destination, key) is there already changes nothing of a task that is waiting or held but its
        priority, and its revision while nobody holds it. A completed or given-up task starts over if the draft's
        revision is another, or with `again`; a completed one also if it was completed before `planned_at`, the time at
        which the coverage was read that the draft is missing from: its coverage has expired or was withdrawn.
        `again` also makes waiting tasks due now.
        """
        return add(self._database, drafts, Adding(self._clock.now(), again, planned_at))

    def claim(self, worker_id: str, kinds: Collection[TaskKind] | None = None) -> Lease | None:
        """Take the next task of `kinds` (None: of any) that is due, by priority and then by age; None if none is."""
        with self._database.write(durable=False) as connection:
            return leases.claim(connection, worker_id, self._clock.now(), kinds)

    def renew(self, lease: Lease) -> Lease:
        """The same lease, for another `claim.LEASE`. Raises LeaseLost."""
        expires_at = self._clock.now() + leases.LEASE
        with self._database.write(durable=False) as connection:
            leases.change(connection, lease, {"lease_expires_at": expires_at})
        return Lease(lease.task, lease.token, lease.worker_id, expires_at)

    def advance(self, lease: Lease, state: TaskState) -> None:
        """Note that the work has entered `state`, one of the held ones. Raises LeaseLost, ValueError."""
        if not state.held:
            raise ValueError(f"{state} is no step of the work; finish or release the lease")
        with self._database.write(durable=False) as connection:
            leases.change(connection, lease, entering(state, self._clock.now()))

    def release(self, lease: Lease) -> None:
        """Give the task back untouched, for a graceful stop: pending again, nothing counted. Raises LeaseLost."""
        now = self._clock.now()
        with self._database.write() as connection:
            leases.change(connection, lease, {**entering(TaskState.PENDING, now), "available_at": now, **NOT_HELD})

    def finish(self, lease: Lease, outcome: Outcome) -> TaskState:
        """End the attempt; the state the task is in now. One transaction, on disk when this returns.

        `Done` and `Discard` record their coverage in it, `Done` in place of what it supersedes. Raises LeaseLost, and
        then nothing has changed.
        """
        now = self._clock.now()
        with self._database.write() as connection:
            values = ended(leases.held(connection, lease), outcome, self._policy, now, self._rng)
            leases.change(connection, lease, values)
            if isinstance(outcome, Done | Discard):
                supersede(connection, outcome.coverage)
        return TaskState(values["status"])

    def rescue(self, dead: Collection[str] = ()) -> int:
        """Give back the tasks of workers that fell silent, or that are known to be `dead`; how many.

        Every worker calls it, every 15 seconds.
        """
        with self._database.write() as connection:
            return leases.rescue(connection, self._clock.now(), dead)

    def get(self, task_id: int) -> Task | None:
        """One task, or None."""
        return next(iter(self.find(TaskFilter(ids=[task_id]), limit=1)), None)

    def find(self, which: TaskFilter = _ALL, *, limit: int = 100) -> list[Task]:
        """The tasks that match, the last changed first, at most `limit`."""
        query = sa.select(tasks).where(*which.conditions()).order_by(tasks.c.updated_at.desc(), tasks.c.id).limit(limit)
        with self._database.read() as connection:
            return [read_task(row) for row in connection.execute(query).mappings()]

    def counts(self, which: TaskFilter = _ALL) -> dict[TaskState, int]:
        """How many tasks are in each state; every state is there."""
        query = (
            sa.select(tasks.c.status, sa.func.count().label("tasks"))
            .where(*which.conditions())
            .group_by(tasks.c.status)
        )
        with self._database.read() as connection:
            found = {row.status: row.tasks for row in connection.execute(query)}
        return {state: found.get(state.value, 0) for state in TaskState}

    def next_due(self, kinds: Collection[TaskKind] | None = None) -> datetime | None:
        """When the earliest waiting task of `kinds` may be claimed (UTC, perhaps past); None if none waits."""
        query = sa.select(sa.func.min(tasks.c.available_at)).where(*leases.waiting(kinds))
        with self._database.read() as connection:
            due: datetime | None = connection.scalar(query)
        return due

    def retry(self, which: TaskFilter = _ALL, *, states: Collection[TaskState] = UNFINISHED) -> int:
        """Let the matching tasks start over, due now and with nothing counted; how many.

        Those in `states`, and those that were completed with a suspect partition.
        """
        now = self._clock.now()
        idle = [state.value for state in states if not state.held]
        values: dict[str, Any] = {**entering(TaskState.PENDING, now), "available_at": now, **AS_NEW}
        again = tasks.c.status.in_(idle) | ((tasks.c.status == TaskState.COMPLETED.value) & _left_suspect())
        statement = sa.update(tasks).where(*which.conditions(), again).values(**values)
        with self._database.write() as connection:
            return connection.execute(statement).rowcount

    def forget(self, ids: Collection[int]) -> int:
        """Delete tasks that the plan no longer wants, unless a worker has begun or ended them; how many."""
        with self._database.write() as connection:
            return connection.execute(sa.delete(tasks).where(tasks.c.id.in_(ids), CLAIMABLE)).rowcount


def _left_suspect() -> sa.ColumnElement[bool]:
    """The task's partition is held with a check that failed."""
    same = [coverage.c[name] == tasks.c[name] for name in _PARTITION]
    return sa.exists().where(*same, coverage.c.verdict == Verdict.SUSPECT.value)


_PARTITION = ("destination", "table_name", "symbol", "start_date", "end_date", "source")
