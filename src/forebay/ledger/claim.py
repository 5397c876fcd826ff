"""Leases: who holds which task, and until when. Two workers never hold one task.

The same statements serve both databases. PostgreSQL lets claimers pass each other (`FOR UPDATE SKIP LOCKED`); SQLite
ignores that clause, and there `Database.write` has taken the only write lock before the row is looked for.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa

from forebay.db.conditions import CLAIMABLE, HELD
from forebay.db.tables import tasks
from forebay.db.types import Instant
from forebay.errors import LeaseLost
from forebay.ledger.holds import let_go
from forebay.ledger.records import NOT_HELD, Record, entering, read_task
from forebay.model.task import Lease, TaskKind, TaskState

LEASE = timedelta(seconds=60)
"""A worker that is silent for this long has lost its task."""
RENEW = timedelta(seconds=15)
"""How often a worker renews: three failed renewals in a row are no harm. With a rescue every 15 seconds as well, a
dead worker's task is taken over within 90."""
CRASH_LIMIT = 5
"""A task whose worker vanished this often is what kills them."""


def claim(
    connection: sa.Connection,
    worker_id: str,
    now: datetime,
    kinds: Collection[TaskKind] | None = None,
    task_id: int | None = None,
) -> Lease | None:
    """Take the first task whose time has come: higher priority first, then the older one. None if there is none.

    With `task_id` that very task, if its time has come and it may be claimed.
    """
    statement = _claiming(None if kinds is None else frozenset(kinds), one=task_id is not None)
    values = {"now": now, "worker": worker_id, "until": now + LEASE, **({"task": task_id} if task_id else {})}
    row = connection.execute(statement, values).mappings().one_or_none()
    if row is None:
        return None
    return Lease(read_task(row), str(row["lease_token"]), worker_id, row["lease_expires_at"])


# A statement takes longer to build than to run: those of every task's way are built once.
@cache
def _claiming(kinds: frozenset[TaskKind] | None, *, one: bool) -> sa.Executable:
    now = sa.bindparam("now", type_=Instant())
    first = due(kinds, now).with_only_columns(tasks.c.id).limit(1).with_for_update(skip_locked=True)
    if one:
        first = first.where(tasks.c.id == sa.bindparam("task"))
    taken = {
        "worker_id": sa.bindparam("worker"),
        "lease_token": tasks.c.lease_token + 1,
        "lease_expires_at": sa.bindparam("until"),
    }
    statement = sa.update(tasks).where(tasks.c.id == first.scalar_subquery())
    return statement.values(**entering(TaskState.PROCESSING, now), **taken).returning(tasks)


def due(kinds: Collection[TaskKind] | None, now: datetime | sa.BindParameter[Any]) -> sa.Select[Any]:
    """The tasks that may be claimed at `now`, in the order of claims."""
    wanted = sa.select(tasks).where(*waiting(kinds), tasks.c.available_at <= now)
    return wanted.order_by(tasks.c.priority.desc(), tasks.c.id)


def waiting(kinds: Collection[TaskKind] | None) -> list[sa.ColumnElement[bool] | sa.TextClause]:
    """The condition of a task that is not over and that nobody and nothing holds, of some kinds or of any (None)."""
    if kinds is None:
        return [CLAIMABLE]
    return [CLAIMABLE, tasks.c.kind.in_([kind.value for kind in kinds])]


_MINE = (tasks.c.id == sa.bindparam("lease_id"), tasks.c.lease_token == sa.bindparam("lease"), HELD)
_LOOK = sa.select(tasks).where(*_MINE).with_for_update()
_CHANGE = sa.update(tasks).where(*_MINE)


def held(connection: sa.Connection, lease: Lease) -> Record:
    """The leased task's row, locked until the transaction ends. Raises LeaseLost as `change` does."""
    row = connection.execute(_LOOK, _marks(lease)).mappings().one_or_none()
    if row is None:
        raise _lost(lease)
    return row


def change(connection: sa.Connection, lease: Lease, values: dict[str, Any]) -> None:
    """Change the leased task's row. Raises LeaseLost if another worker, or the rescue, has taken it.

    A lease that expired unnoticed is still good: nobody else has begun.
    """
    if connection.execute(_CHANGE, _marks(lease) | values).rowcount != 1:
        raise _lost(lease)


def _marks(lease: Lease) -> dict[str, Any]:
    return {"lease_id": lease.task.id, "lease": int(lease.token)}


def _lost(lease: Lease) -> LeaseLost:
    return LeaseLost(
        f"task {lease.task.id} ({lease.task.draft.key}) is no longer held by worker {lease.worker_id}",
        remedy="nothing is to be done: whoever holds it now finishes it",
    )


def rescue(connection: sa.Connection, now: datetime, dead: Collection[str] = ()) -> int:
    """Give back the tasks whose lease has run out, and those of workers known to be dead; how many.

    Counts a crash, and gives up on the fifth.
    """
    lost = sa.or_(tasks.c.lease_expires_at <= now, tasks.c.worker_id.in_(dead))
    expired = sa.update(tasks).where(HELD, lost)
    given_up = _give_up(connection, expired, now)
    given_back = expired.values(
        crashes=tasks.c.crashes + 1, available_at=now, **entering(TaskState.PENDING, now), **NOT_HELD
    )
    return given_up + connection.execute(given_back).rowcount


def _give_up(connection: sa.Connection, expired: sa.Update, now: datetime) -> int:
    poisoned = expired.where(tasks.c.crashes + 1 >= CRASH_LIMIT).values(
        crashes=tasks.c.crashes + 1,
        error_kind="crashed",
        error_message=f"its worker vanished {CRASH_LIMIT} times: the task itself may be what kills it",
        hold=None,
        **entering(TaskState.PERMANENT_FAILURE, now),
        **NOT_HELD,
    )
    ended = connection.execute(poisoned.returning(tasks.c.destination, tasks.c.key)).all()
    for destination, key in ended:
        let_go(connection, destination, key)
    return len(ended)
