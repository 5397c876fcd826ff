"""Sums over the ledger, for a monitor."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from forebay.db.engine import Database
from forebay.db.tables import coverage, tasks
from forebay.model.coverage import Verdict
from forebay.model.feed import LAKE
from forebay.model.partition import ALL_SYMBOLS, Source
from forebay.model.task import TaskState


def rows_brought(database: Database, symbols: Collection[str]) -> dict[tuple[str, str], int]:
    """Rows that completed tasks brought, by table and symbol: these, and `*` of whole files. Raises LedgerError."""
    query = (
        sa.select(tasks.c.table_name, tasks.c.symbol, sa.func.sum(tasks.c.rows))
        .where(tasks.c.status == TaskState.COMPLETED.value, tasks.c.symbol.in_({ALL_SYMBOLS, *symbols}))
        .group_by(tasks.c.table_name, tasks.c.symbol)
    )
    with database.read() as connection:
        return {(table, symbol): int(rows or 0) for table, symbol, rows in connection.execute(query)}


def gaps_that_stay(database: Database) -> dict[str, int]:
    """Table to how many gaps in it were tried and cannot be closed. Raises LedgerError."""
    stays = (coverage.c.source == Source.LAKE.value) & (coverage.c.verdict == Verdict.MISSING_UPSTREAM.value)
    query = (
        sa.select(coverage.c.table_name, sa.func.count())
        .where(coverage.c.destination == LAKE, stays)
        .group_by(coverage.c.table_name)
    )
    with database.read() as connection:
        return {table: int(count) for table, count in connection.execute(query)}
