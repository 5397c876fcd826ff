"""The status grid: what is known of each table in each month, counted by the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from forebay.db.tables import coverage
from forebay.model.coverage import Verdict


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the status grid: the partitions of a table in a month with a verdict."""

    destination: str
    table: str
    month: date
    """Its first day."""
    verdict: Verdict
    partitions: int
    """Those that touch the month."""
    rows: int
    """Of the partitions that begin in the month."""


def count_cells(connection: sa.Connection, destination: str | None) -> list[Cell]:
    """The cells of one destination or of all, sorted."""
    bounds = (coverage.c.start_date, coverage.c.end_date)
    months = [sa.extract(part, bound) for bound in bounds for part in ("year", "month")]
    by = [coverage.c.destination, coverage.c.table_name, coverage.c.verdict, *months]
    query = sa.select(*by, sa.func.count(), sa.func.sum(coverage.c.rows)).group_by(*by)
    if destination is not None:
        query = query.where(coverage.c.destination == destination)
    partitions: defaultdict[tuple[str, str, date, Verdict], int] = defaultdict(int)
    rows: defaultdict[tuple[str, str, date, Verdict], int] = defaultdict(int)
    for where, table, verdict, *ends, count, total in connection.execute(query):
        first_year, first_month, last_year, last_month = map(int, ends)
        first, last = date(first_year, first_month, 1), date(last_year, last_month, 1)
        for month in _months(first, last):
            partitions[where, table, month, Verdict(verdict)] += count
        rows[where, table, first, Verdict(verdict)] += int(total or 0)
    return [Cell(*key, partitions[key], rows[key]) for key in sorted(partitions)]


def _months(first: date, last: date) -> Iterator[date]:
    month = first
    while month <= last:
        yield month
        month = date(month.year + month.month // 12, month.month % 12 + 1, 1)
