"""The tasks of the ledger: adding, claiming, finishing, looking."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from random import Random
from typing import Any

import sqlalchemy as sa

from forebay.clock import Clock
from forebay.db.conditions import CLAIMABLE, UNFINISHED, WAITING
from forebay.db.engine import Database
from forebay.db.tables import coverage, tasks
from forebay.ledger import claim as leases
from forebay.ledger import holds
from forebay.ledger.add import CANCELLED, Adding, add
from forebay.ledger.coverage import supersede
from forebay.ledger.filter import TaskFilter
from forebay.ledger.finish import RetryPolicy, ended, given_up
from forebay.ledger.records import AS_NEW, NOT_HELD, entering, read_task
from forebay.model.coverage import Verdict
from forebay.model.intervals import Interval
from forebay.model.task import FAILED, Discard, Done, Lease, Outcome, Task, TaskDraft, TaskKind, TaskState

_ALL = TaskFilter()


class Tasks:
    """The task table. Every method is one or few short transactions; all raise LedgerError for the database's sake."""

    def __init__(self, database: Database, clock: Clock, policy: RetryPolicy, rng: Random) -> None:
        self._database = database
        self._clock = clock
        self._policy = policy
        self._rng = rng

    def add(
        self,
        drafts: Iterable[TaskDraft],
        *,
        again: bool = False,
        planned_at: datetime | None = None,
        cancelled: bool = False,
    ) -> int:
        """Add drafts, however many; how many tasks are new or start over.

        A draft whose (destination, key) is there already changes nothing of a task that is waiting or held but its
        priority, and its revision while nobody holds it. A completed or given-up task starts over if the draft's
        revision is another, or with `again`; a completed one also if it was completed before `planned_at`, the time at
        which the coverage was read that the draft is missing from: its coverage has expired or was withdrawn.
        `again` also makes waiting tasks due now. A cancelled task stays so, whatever its draft says, unless `again` and
        `cancelled` ask for it; a paused one stays paused.

        A draft with `after` waits while an unfinished task of that destination has its key, in the ledger or among the
        drafts beside it.
        """
        return add(self._database, drafts, Adding(self._clock.now(), again, planned_at, cancelled))

    def claim(
        self, worker_id: str, kinds: Collection[TaskKind] | None = None, *, task_id: int | None = None
    ) -> Lease | None:
        """Take the next task of `kinds` (None: of any) that is due, by priority and then by age; None if none is.

        With `task_id` that very task; None when it is held, over, held back, not due or of another kind.
        """
        with self._database.write(durable=False) as connection:
            return leases.claim(connection, worker_id, self._clock.now(), kinds, task_id)

    def due(self, kinds: Collection[TaskKind] | None = None, *, limit: int) -> list[Task]:
        """The tasks of `kinds` (None: of any) that may be claimed now, in the order of claims, at most `limit`."""
        query = leases.due(kinds, self._clock.now()).limit(limit)
        with self._database.read() as connection:
            return [read_task(row) for row in connection.execute(query).mappings()]

    def renew(self, lease: Lease) -> Lease:
        """The same lease, for another `claim.LEASE`. Raises LeaseLost."""
        expires_at = self._clock.now() + leases.LEASE
        with self._database.write(durable=False) as connection:
            leases.change(connection, lease, {"lease_expires_at": expires_at})
        return Lease(lease.task, lease.token, lease.worker_id, expires_at)

    def advance(self, lease: Lease, *states: TaskState) -> None:
        """Note that the work has entered `states`, held ones, one after the other. Raises LeaseLost, ValueError.

        Steps that follow each other at once are one transaction.
        """
        if other := next((state for state in states if not state.held), None):
            raise ValueError(f"{other} is no step of the work; finish or release the lease")
        values: dict[str, Any] = {}
        for state in states:
            values |= entering(state, self._clock.now())
        with self._database.write(durable=False) as connection:
            leases.change(connection, lease, values)

    def release(self, lease: Lease) -> None:
        """Give the task back untouched, for a graceful stop: pending again, nothing counted. Raises LeaseLost."""
        now = self._clock.now()
        with self._database.write() as connection:
            leases.change(connection, lease, {**entering(TaskState.PENDING, now), "available_at": now, **NOT_HELD})

    def finish(self, lease: Lease, outcome: Outcome) -> TaskState:
        """End the attempt; the state the task is in now. One transaction, on disk when this returns.

        `Done` and `Discard` record their coverage in it, `Done` in place of what it supersedes. Raises LeaseLost, and
        then nothing has changed. A task that is over lets those go that wait for it.
        """
        now = self._clock.now()
        with self._database.write() as connection:
            values = ended(leases.held(connection, lease), outcome, self._policy, now, self._rng)
            state = TaskState(values["status"])
            leases.change(connection, lease, values)
            if isinstance(outcome, Done | Discard):
                supersede(connection, outcome.coverage)
            if state.over:
                holds.let_go(connection, lease.task.draft.destination, lease.task.draft.key)
        return state

    def rescue(self, dead: Collection[str] = ()) -> int:
        """Give back the tasks of workers that fell silent, or that are known to be `dead`; how many.

        Tasks that wait for one that is gone or over are let go as well. Every worker calls it, every 15 seconds.
        """
        with self._database.read() as connection:
            orphans = holds.has_orphans(connection)
        with self._database.write() as connection:
            rescued = leases.rescue(connection, self._clock.now(), dead)
            if orphans:
                holds.let_go_orphans(connection)
        return rescued

    def get(self, task_id: int) -> Task | None:
        """One task, or None."""
        return next(iter(self.find(TaskFilter(ids=[task_id]), limit=1)), None)

    def find(
        self, which: TaskFilter = _ALL, *, limit: int = 100, after: tuple[datetime, int] | None = None
    ) -> list[Task]:
        """The tasks that match, the last changed first, at most `limit`; behind one with this change and id."""
        query = sa.select(tasks).where(*which.conditions()).order_by(tasks.c.updated_at.desc(), tasks.c.id).limit(limit)
        if after is not None:
            changed, task_id = after
            later = sa.and_(tasks.c.updated_at == changed, tasks.c.id > task_id)
            query = query.where(sa.or_(tasks.c.updated_at < changed, later))
        with self._database.read() as connection:
            return [read_task(row) for row in connection.execute(query).mappings()]

    def fetching(self, destination: str, table: str) -> dict[str, list[Interval]]:
        """Symbol (`*` is all) to the ranges that unfinished REST tasks will bring, in order of their starts."""
        query = (
            sa.select(tasks.c.symbol, tasks.c.start_date, tasks.c.end_date)
            .where(tasks.c.destination == destination, tasks.c.table_name == table, UNFINISHED)
            .where(tasks.c.kind == TaskKind.FETCH.value)
            .order_by(tasks.c.start_date)
        )
        found: dict[str, list[Interval]] = {}
        with self._database.read() as connection:
            for symbol, start, end in connection.execute(query):
                found.setdefault(symbol, []).append(Interval(start, end))
        return found

    def is_settled(self, destination: str, key: str) -> bool:
        """Whether the task is completed, or given up by a person: nothing kept for it is of use any more."""
        settled = (tasks.c.status == TaskState.COMPLETED.value) | (tasks.c.error_kind == CANCELLED)
        query = sa.select(tasks.c.id).where(tasks.c.destination == destination, tasks.c.key == key, settled)
        with self._database.read() as connection:
            return connection.scalar(query) is not None

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

    def retry(self, which: TaskFilter = _ALL, *, states: Collection[TaskState] = FAILED) -> int:
        """Let the matching tasks start over, due now and with nothing counted; how many.

        Those in `states`, those that were completed with a suspect partition, and those that were put off (a cap that
        was raised since, say).
        """
        now = self._clock.now()
        idle = [state.value for state in states if not state.held]
        values: dict[str, Any] = {**entering(TaskState.PENDING, now), "available_at": now, **AS_NEW}
        again = tasks.c.status.in_(idle) | ((tasks.c.status == TaskState.COMPLETED.value) & _left_suspect())
        again |= sa.and_(CLAIMABLE, tasks.c.available_at > now)
        statement = sa.update(tasks).where(*which.conditions(), again).values(**values)
        with self._database.write() as connection:
            return connection.execute(statement).rowcount

    def forget(self, ids: Collection[int]) -> int:
        """Delete tasks that the plan no longer wants, unless a worker has begun or ended them; how many."""
        with self._database.write() as connection:
            gone = connection.execute(sa.delete(tasks).where(tasks.c.id.in_(ids), WAITING)).rowcount
            if gone:
                holds.let_go_orphans(connection)
        return gone

    def prune(self, which: TaskFilter, *, ended_before: datetime) -> int:
        """Delete the matching tasks that are over and have not been touched since; how many."""
        over = tasks.c.status.in_([state.value for state in TaskState if state.over])
        with self._database.write() as connection:
            old = sa.delete(tasks).where(*which.conditions(), over, tasks.c.updated_at < ended_before)
            return connection.execute(old).rowcount

    def pause(self, which: TaskFilter) -> int:
        """Keep the matching unfinished tasks from being claimed until `resume`; how many were not paused before.

        A worker that is at one goes on with it.
        """
        with self._database.write() as connection:
            return holds.pause(connection, which.conditions())

    def resume(self, which: TaskFilter) -> int:
        """Undo `pause` for the matching tasks; how many were paused."""
        with self._database.write() as connection:
            return holds.resume(connection, which.conditions())

    def cancel(self, which: TaskFilter, reason: str) -> int:
        """Give the matching unfinished tasks up, with error kind `cancelled`; how many.

        The worker that is at one gets LeaseLost with its next step. Only `retry` and `add` with `cancelled` revive it.
        """
        values = given_up(CANCELLED, reason, self._clock.now())
        with self._database.write() as connection:
            ended = connection.execute(
                sa.update(tasks).where(*which.conditions(), UNFINISHED).values(**values)
            ).rowcount
            if ended:
                holds.let_go_orphans(connection)
        return ended

    def prioritise(self, which: TaskFilter, priority: int) -> int:
        """Give the matching unfinished tasks another priority (higher is claimed first); how many."""
        with self._database.write() as connection:
            statement = sa.update(tasks).where(*which.conditions(), UNFINISHED).values(priority=priority)
            return connection.execute(statement).rowcount


def _left_suspect() -> sa.ColumnElement[bool]:
    """The task's partition is held with a check that failed."""
    same = [coverage.c[name] == tasks.c[name] for name in _PARTITION]
    return sa.exists().where(*same, coverage.c.verdict == Verdict.SUSPECT.value)


_PARTITION = ("destination", "table_name", "symbol", "start_date", "end_date", "source")
