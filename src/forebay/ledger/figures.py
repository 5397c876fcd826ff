"""Sums over the ledger, for a monitor."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

import sqlalchemy as sa

from forebay.db.conditions import HELD, NOT_SATISFIED
from forebay.db.engine import Database
from forebay.db.tables import coverage, tasks
from forebay.model.coverage import Verdict
from forebay.model.feed import LAKE
from forebay.model.partition import ALL_SYMBOLS, Source
from forebay.model.task import TaskState


class Brought(NamedTuple):
    """What completed tasks brought."""

    rows: int
    bytes: int
    """Over the wire."""


@dataclass(frozen=True, slots=True)
class Leases:
    """Who holds tasks now."""

    workers: int
    held: int
    expired: int
    """Of those held: nobody renewed them, and nobody has taken them over yet."""
    oldest: datetime | None
    """When the one that is held longest was claimed."""


class Unsatisfied(NamedTuple):
    """Partitions of which something is still to be done, or cannot be."""

    destination: str
    table: str
    verdict: Verdict


def brought(database: Database, symbols: Collection[str]) -> dict[tuple[str, str], Brought]:
    """What completed tasks brought, by table and symbol: these, and `*` of whole files. Raises LedgerError.

    Reads every completed task.
    """
    sums = (sa.func.sum(tasks.c.rows), sa.func.sum(tasks.c.bytes))
    query = (
        sa.select(tasks.c.table_name, tasks.c.symbol, *sums)
        .where(tasks.c.status == TaskState.COMPLETED.value, tasks.c.symbol.in_({ALL_SYMBOLS, *symbols}))
        .group_by(tasks.c.table_name, tasks.c.symbol)
    )
    with database.read() as connection:
        found = connection.execute(query).all()
    return {(table, symbol): Brought(int(rows or 0), int(size or 0)) for table, symbol, rows, size in found}


def ended_since(database: Database, moment: datetime) -> dict[tuple[str, TaskState], int]:
    """Kind and state to how many tasks ended so at or after `moment`, or failed then and wait. Raises LedgerError."""
    ends = [state.value for state in TaskState if not state.held and state is not TaskState.PENDING]
    query = (
        sa.select(tasks.c.kind, tasks.c.status, sa.func.count())
        .where(tasks.c.status.in_(ends), tasks.c.updated_at >= moment)
        .group_by(tasks.c.kind, tasks.c.status)
    )
    with database.read() as connection:
        return {(kind, TaskState(status)): int(count) for kind, status, count in connection.execute(query)}


def leases(database: Database, now: datetime) -> Leases:
    """Who holds tasks at `now`. Raises LedgerError."""
    query = sa.select(tasks.c.worker_id, tasks.c.lease_expires_at, tasks.c.processing_at).where(HELD)
    with database.read() as connection:
        rows = connection.execute(query).all()
    return Leases(
        workers=len({row.worker_id for row in rows}),
        held=len(rows),
        expired=sum(row.lease_expires_at is not None and row.lease_expires_at <= now for row in rows),
        oldest=min((row.processing_at for row in rows if row.processing_at), default=None),
    )


def gaps_that_stay(database: Database) -> dict[str, int]:
    """Table to how many gaps in it were tried and cannot be closed. Raises LedgerError."""
    stays = (coverage.c.source == Source.LAKE.value) & (coverage.c.verdict == Verdict.MISSING_UPSTREAM.value)
    query = (
        sa.select(coverage.c.table_name, sa.func.count())
        .where(NOT_SATISFIED, coverage.c.destination == LAKE, stays)
        .group_by(coverage.c.table_name)
    )
    with database.read() as connection:
        return {table: int(count) for table, count in connection.execute(query)}


def unsatisfied(database: Database) -> dict[Unsatisfied, int]:
    """How many partitions are not published yet, missing at the vendor, or doubtful. Raises LedgerError.

    Gaps within sessions are not among them: see `gaps_that_stay`.
    """
    keys = (coverage.c.destination, coverage.c.table_name, coverage.c.verdict)
    query = sa.select(*keys, coverage.c.source, sa.func.count()).where(NOT_SATISFIED).group_by(*keys, coverage.c.source)
    counts: defaultdict[Unsatisfied, int] = defaultdict(int)
    with database.read() as connection:
        for destination, table, verdict, source, count in connection.execute(query):
            if source != Source.LAKE.value:
                counts[Unsatisfied(destination, table, Verdict(verdict))] += int(count)
    return dict(counts)


@dataclass(frozen=True, slots=True)
class Missing:
    """What the vendor lacks of a table."""

    destination: str
    table: str
    partitions: int
    newest: date
    """The last session date of them."""


def missing_since(database: Database, day: date) -> list[Missing]:
    """Partitions that the vendor should have by now, with session dates from `day` on. Raises LedgerError."""
    keys = (coverage.c.destination, coverage.c.table_name)
    query = (
        sa.select(*keys, sa.func.count(), sa.func.max(coverage.c.end_date))
        .where(NOT_SATISFIED, coverage.c.verdict == Verdict.MISSING_UPSTREAM.value)
        .where(coverage.c.source != Source.LAKE.value, coverage.c.end_date >= day)
        .group_by(*keys)
        .order_by(*keys)
    )
    with database.read() as connection:
        return [Missing(*row) for row in connection.execute(query)]
