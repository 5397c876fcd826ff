"""Moving a ledger to another database, SQLite or PostgreSQL: every row, counted on both sides, in one transaction."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from forebay.db.conditions import HELD
from forebay.db.engine import Database, connect
from forebay.db.migrate import upgrade
from forebay.db.tables import (
    metadata,
    rate_grants,
    rate_pause,
    runs,
    schedule,
    schedule_jobs,
    streams,
    symbol_registry,
    tasks,
)
from forebay.errors import LedgerError

_PASSING = (rate_grants, rate_pause, schedule, schedule_jobs)
"""What looking at an empty ledger leaves in it: no reason to refuse it."""
_CHUNK = 5_000
"""Rows held in memory at a time."""


def move_between(source: str, target: str, now: datetime) -> dict[str, int]:
    """`move` between two addresses. Raises UsageError for an address it cannot use, and LedgerError as `move` does."""
    with closing(connect(source)) as old, closing(connect(target)) as new:
        return move(old, new, now)


def move(source: Database, target: Database, now: datetime) -> dict[str, int]:
    """Copy everything in `source` to `target`, whose tables must be empty; the number of rows by table.

    The source stays as it is. Raises LedgerError, with the target unchanged, when there is no ledger at the source,
    when the target holds anything, when anybody is at work on the source, or when a count differs in the end.
    """
    _refuse_nothing(source)
    upgrade(source)
    upgrade(target)
    with source.read() as old, target.write() as new:
        _refuse_busy(old, source, now)
        for table in metadata.sorted_tables:
            if table not in _PASSING and new.scalar(sa.select(sa.func.count()).select_from(table)):
                raise LedgerError(
                    f"{target.name} is not empty: its table {table.name} has rows",
                    remedy="name a database that has no ledger in it yet",
                )
        return {table.name: _copy(old, new, table) for table in metadata.sorted_tables}


def _refuse_nothing(source: Database) -> None:
    """A mistyped address must not be made, and moved, as an empty ledger."""
    there = source.dialect != "sqlite" or Path(source.name).exists()
    if there:
        with source.read() as connection:
            there = sa.inspect(connection).has_table(tasks.name)
    if not there:
        raise LedgerError(
            f"there is no ledger at {source.name}", remedy="correct FROM; `forebay doctor` shows where the ledger is"
        )


def _refuse_busy(old: sa.Connection, source: Database, now: datetime) -> None:
    of_tasks = sa.select(tasks.c.worker_id).where(HELD, tasks.c.lease_expires_at > now)
    of_others = [
        sa.select(who).where(who.is_not(None), until > now)
        for who, until in (
            (symbol_registry.c.worker_id, symbol_registry.c.lease_expires_at),
            (runs.c.service, runs.c.lease_expires_at),
            (streams.c.worker_id, streams.c.lease_expires_at),
            (schedule.c.leader, schedule.c.leads_until),
        )
    ]
    if worker := old.scalar(sa.union_all(of_tasks, *of_others).limit(1)):
        raise LedgerError(
            f"worker {worker} is at work on {source.name}",
            remedy="stop it, or wait a minute if it has died, and move then",
        )


def _copy(old: sa.Connection, new: sa.Connection, table: sa.Table) -> int:
    new.execute(sa.delete(table))  # what an empty ledger is born with
    rows = old.execution_options(yield_per=_CHUNK).execute(sa.select(table).order_by(*table.primary_key.columns))
    for chunk in rows.mappings().partitions(_CHUNK):
        new.execute(sa.insert(table), [dict(row) for row in chunk])
    before, after = (side.scalar(sa.select(sa.func.count()).select_from(table)) or 0 for side in (old, new))
    if before != after:
        raise LedgerError(
            f"{table.name}: {before} rows became {after}", remedy="nothing was moved; stop all workers and try again"
        )
    _continue_numbering(new, table)
    return after


def _continue_numbering(new: sa.Connection, table: sa.Table) -> None:
    """PostgreSQL counts in a sequence, which rows that bring their number do not move."""
    if new.dialect.name == "postgresql" and table.autoincrement_column is not None:
        last = sa.select(sa.func.coalesce(sa.func.max(table.c.id), 0) + 1).scalar_subquery()
        new.execute(sa.select(sa.func.setval(sa.func.pg_get_serial_sequence(table.name, "id"), last, False)))  # noqa: FBT003
