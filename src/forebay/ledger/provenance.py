"""Where the rows of a symbol came from, as it is recorded."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from forebay.db.engine import Database
from forebay.db.tables import coverage
from forebay.model.coverage import Verdict
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Source


@dataclass(frozen=True, slots=True)
class Recorded:
    """A row of the coverage, without its details."""

    table: str
    symbol: str
    """`*`: the whole market at once."""
    dates: Interval
    source: Source
    verdict: Verdict
    rows: int | None
    checked_at: datetime
    last_modified: datetime | None
    """Of the vendor's file (UTC)."""


_COLUMNS = tuple(
    coverage.c[name]
    for name in (
        "table_name",
        "symbol",
        "start_date",
        "end_date",
        "source",
        "verdict",
        "rows",
        "checked_at",
        "last_modified",
    )
)


def recorded(
    database: Database, destination: str, symbol: str, tables: Collection[str], now: datetime
) -> list[Recorded]:
    """What is recorded of a symbol, and of the whole market, in some tables: by table, symbol and date.

    Rows that have expired are left out. Raises LedgerError.
    """
    query = (
        sa.select(*_COLUMNS)
        .where(
            coverage.c.destination == destination,
            coverage.c.table_name.in_(tables),
            coverage.c.symbol.in_([ALL_SYMBOLS, symbol]),
            sa.or_(coverage.c.expires_at.is_(None), coverage.c.expires_at > now),
        )
        .order_by(*_COLUMNS[:4])
    )
    with database.read() as connection:
        return [
            Recorded(table, of, Interval(first, last), Source(source), Verdict(verdict), *rest)
            for table, of, first, last, source, verdict, *rest in connection.execute(query)
        ]


def known_symbols(database: Database, destination: str) -> set[str]:
    """The symbols of which anything is recorded by their name. Raises LedgerError."""
    query = sa.select(coverage.c.symbol).distinct()
    query = query.where(coverage.c.destination == destination, coverage.c.symbol != ALL_SYMBOLS)
    with database.read() as connection:
        return set(connection.scalars(query))
