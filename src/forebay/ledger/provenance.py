"""Where the rows of a symbol came from, as it is recorded."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from forebay.db.engine import Database
from forebay.db.tables import coverage
from forebay.model.coverage import Verdict
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Source


@dataclass(frozen=True, slots=True)
class Recorded:
    """A row of the coverage without its details, or rows of single days of one month together."""

    table: str
    symbol: str
    """`*`: the whole market at once."""
    source: Source
    verdict: Verdict
    dates: Interval
    rows: int | None
    since: datetime
    """When it was recorded: the first of several, and the last (UTC)."""
    until: datetime
    published: datetime | None
    """When the vendor last changed its file, or one of theirs (UTC)."""
    days: int | None = None
    """How many rows of single days it stands for; None for a row."""


_NAMES = (coverage.c.table_name, coverage.c.symbol, coverage.c.source, coverage.c.verdict)
_ONE_DAY = coverage.c.start_date == coverage.c.end_date
_CHECKED, _CHANGED = coverage.c.checked_at, coverage.c.last_modified


@dataclass(frozen=True, slots=True)
class Provenance:
    """Reads what is recorded at one destination. All methods raise LedgerError. Rows that have expired are left out."""

    database: Database
    destination: str
    now: datetime

    def rows(self, table: str, symbols: Collection[str], within: Interval | None = None) -> list[Recorded]:
        """The rows of some symbols in a table, by date: within some dates, or else all but single days of `*`."""
        query = sa.select(
            *_NAMES, coverage.c.start_date, coverage.c.end_date, coverage.c.rows, _CHECKED, _CHECKED, _CHANGED
        ).where(*self._valid(table), coverage.c.symbol.in_(symbols))
        if within is None:
            query = query.where(sa.not_(_ONE_DAY) | (coverage.c.symbol != ALL_SYMBOLS))
        else:
            query = query.where(coverage.c.start_date >= within.start, coverage.c.end_date <= within.end)
        with self.database.read() as connection:
            return [_recorded(row) for row in connection.execute(query.order_by(coverage.c.start_date))]

    def months(self, table: str) -> list[Recorded]:
        """The single days of the whole market in a table, those of a month together that are alike."""
        first = coverage.c.start_date
        month = (sa.extract("year", first), sa.extract("month", first))
        whole = (sa.func.min(first), sa.func.max(first), sa.null(), sa.func.min(_CHECKED), sa.func.max(_CHECKED))
        query = (
            sa.select(*_NAMES, *whole, sa.func.max(_CHANGED), sa.func.count())
            .where(*self._valid(table), coverage.c.symbol == ALL_SYMBOLS, _ONE_DAY)
            .group_by(*_NAMES, *month)
        )
        with self.database.read() as connection:
            return [_recorded(row) for row in connection.execute(query)]

    def symbols(self) -> set[str]:
        """The symbols of which anything is recorded by their name."""
        query = sa.select(coverage.c.symbol).distinct()
        query = query.where(coverage.c.destination == self.destination, coverage.c.symbol != ALL_SYMBOLS)
        with self.database.read() as connection:
            return set(connection.scalars(query))

    def _valid(self, table: str) -> list[sa.ColumnElement[bool]]:
        lasting = sa.or_(coverage.c.expires_at.is_(None), coverage.c.expires_at > self.now)
        return [coverage.c.destination == self.destination, coverage.c.table_name == table, lasting]


def _recorded(row: Sequence[Any]) -> Recorded:
    table, symbol, source, verdict, first, last, *rest = row
    return Recorded(table, symbol, Source(source), Verdict(verdict), Interval(first, last), *rest)
