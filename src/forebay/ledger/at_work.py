"""Who works on what, and how fast: for a person who looks on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from forebay.db.conditions import HELD
from forebay.db.engine import Database
from forebay.db.tables import tasks
from forebay.ledger.records import read_task
from forebay.model.task import Task, TaskState

_MINUTE = timedelta(minutes=1)
_MOST = 100_000
"""Tasks that are looked at for a throughput: the newest ones."""


@dataclass(frozen=True, slots=True)
class Held:
    """A task that a worker holds. Instants are UTC."""

    task: Task
    expires_at: datetime
    """When it is taken from the worker unless it is renewed."""


@dataclass(frozen=True, slots=True)
class Minute:
    """What was completed in one minute."""

    tasks: int = 0
    rows: int = 0
    bytes: int = 0


def held(database: Database, *, limit: int) -> list[Held]:
    """The tasks that are held, at most `limit`, by worker and number. Raises LedgerError."""
    query = sa.select(tasks).where(HELD).order_by(tasks.c.worker_id, tasks.c.id).limit(limit)
    with database.read() as connection:
        rows = connection.execute(query).mappings().all()
    return [Held(read_task(row), row["lease_expires_at"] or row["updated_at"]) for row in rows]


def throughput(database: Database, now: datetime, minutes: int) -> Sequence[Minute]:
    """What was completed in each of the last `minutes`, the oldest first. Raises LedgerError."""
    done, since = tasks.c.completed_at, now - minutes * _MINUTE
    query = (
        sa.select(done, tasks.c.rows, tasks.c.bytes)
        .where(tasks.c.status == TaskState.COMPLETED.value, done > since, done <= now)
        .where(tasks.c.updated_at > since)  # says no more, and has an index
        .order_by(done.desc())
        .limit(_MOST)
    )
    found = [[0, 0, 0] for _ in range(minutes)]
    with database.read() as connection:
        for ended, rows, size in connection.execute(query):
            place = found[minutes - 1 - int((now - ended) / _MINUTE)]
            place[0] += 1
            place[1] += rows or 0
            place[2] += size or 0
    return [Minute(*each) for each in found]
