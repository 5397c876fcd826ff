"""Which partitions are held where, with the evidence: what the plan is subtracted by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import date
from itertools import islice
from typing import Any

import sqlalchemy as sa

from forebay.clock import Clock
from forebay.db.engine import Database
from forebay.db.tables import coverage
from forebay.db.upsert import upsert
from forebay.ledger.rebuild import Rebuilt, rebuild, withdraw
from forebay.ledger.records import coverage_record, read_coverage, read_revision
from forebay.model.coverage import Coverage, Verdict
from forebay.model.freshness import Mark
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Revision, Source

SETTLED = tuple(verdict for verdict in Verdict if verdict.satisfies)
"""The verdicts after which nothing more is to be done."""
FINAL_SOURCES = (Source.TRADES, Source.REST, Source.FLATFILE, Source.LAKE)
"""Sources that satisfy a feed; what only the stream brought is provisional."""
_CHUNK = 500
"""Symbols or rows in one statement."""
_BULK = 5_000
"""Rows read at a time: one by one they cost twice as much."""


def supersede(connection: sa.Connection, rows: Iterable[Coverage]) -> None:
    """Record rows, within the caller's transaction.

    A row that satisfies replaces those of its destination, table and symbol that lie within its dates and whose
    source is no better; any other row replaces only its own earlier self.
    """
    for row in rows:
        record = coverage_record(row)
        if row.verdict.satisfies:
            no_better = [source.value for source in Source if source.rank <= row.source.rank]
            connection.execute(_SUPERSEDED, {f"its_{name}": record[name] for name in _PLACE} | {"no_better": no_better})
        upsert(connection, coverage, [record])


_PLACE = ("destination", "table_name", "symbol", "start_date", "end_date")
_SUPERSEDED = sa.delete(coverage).where(
    coverage.c.destination == sa.bindparam("its_destination"),
    coverage.c.table_name == sa.bindparam("its_table_name"),
    coverage.c.symbol == sa.bindparam("its_symbol"),
    coverage.c.start_date >= sa.bindparam("its_start_date"),
    coverage.c.end_date <= sa.bindparam("its_end_date"),
    coverage.c.source.in_(sa.bindparam("no_better", expanding=True)),
)


class CoverageBook:
    """The coverage table. All methods raise LedgerError for the database's sake."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def record(self, rows: Iterable[Coverage]) -> None:
        """Record rows in one transaction, as `Tasks.finish` does: for what is learnt outside a task."""
        with self._database.write() as connection:
            supersede(connection, rows)

    def withdraw(self, rows: Iterable[Coverage]) -> int:
        """Delete rows that were read before, since what they say is no longer so; how many.

        A row that has been recorded anew since it was read stays.
        """
        gone, iterator = 0, iter(rows)
        while chunk := list(islice(iterator, _CHUNK)):
            with self._database.write() as connection:
                gone += withdraw(connection, chunk)
        return gone

    def exchange(self, old: Coverage, new: Iterable[Coverage]) -> bool:
        """Record rows in place of one that was read before, in one transaction.

        False, and nothing is changed, when that one is gone or has been recorded anew since.
        """
        with self._database.write() as connection:
            if not withdraw(connection, [old]):
                return False
            supersede(connection, new)
            return True

    def rebuild(self, destination: str, rows: Iterable[Coverage], tables: Collection[str] | None = None) -> Rebuilt:
        """Replace what is recorded as held at `destination` by what its storage proves. See `rebuild.rebuild`."""
        return rebuild(self._database, self._clock.now(), destination, rows, tables)

    def covered(
        self,
        destination: str,
        table: str,
        symbols: Collection[str] | None = None,
        dates: Interval | None = None,
        *,
        verdicts: Collection[Verdict] = SETTLED,
        sources: Collection[Source] = FINAL_SOURCES,
    ) -> dict[str, list[Interval]]:
        """What need not be fetched: symbol to its intervals, sorted, whole even where they reach beyond `dates`.

        The key `*` has what covers every symbol and is always asked for too; a symbol with nothing has no key. Rows
        that have expired are left out.
        """
        query = sa.select(coverage.c.symbol, coverage.c.start_date, coverage.c.end_date).where(
            coverage.c.destination == destination,
            coverage.c.table_name == table,
            coverage.c.verdict.in_([verdict.value for verdict in verdicts]),
            coverage.c.source.in_([source.value for source in sources]),
            sa.or_(coverage.c.expires_at.is_(None), coverage.c.expires_at > self._clock.now()),
            *_touching(dates),
        )
        found: defaultdict[str, list[Interval]] = defaultdict(list)
        with self._database.read() as connection:
            for narrowed in _by_symbol(query, symbols):
                for rows in connection.execute(narrowed).partitions(_BULK):
                    for symbol, start, end in rows:
                        found[symbol].append(Interval(start, end))
        for intervals in found.values():
            intervals.sort()
        return dict(found)

    def marks(
        self, destination: str, table: str, symbols: Collection[str] | None = None, dates: Interval | None = None
    ) -> dict[str, list[Mark]]:
        """What is held, good or doubtful, and when that was recorded: symbol to its marks, by date.

        The key `*` is always asked for too. Rows that have expired, and doubtful ones of which nothing was stored,
        are left out.
        """
        stored = (coverage.c.verdict == Verdict.SUSPECT.value) & (coverage.c.rows > 0)
        columns = (coverage.c.symbol, coverage.c.start_date, coverage.c.end_date)
        query = sa.select(*columns, coverage.c.checked_at, coverage.c.verdict, coverage.c.rows).where(
            coverage.c.destination == destination,
            coverage.c.table_name == table,
            coverage.c.verdict.in_([verdict.value for verdict in SETTLED]) | stored,
            sa.or_(coverage.c.expires_at.is_(None), coverage.c.expires_at > self._clock.now()),
            *_touching(dates),
        )
        found: defaultdict[str, list[Mark]] = defaultdict(list)
        with self._database.read() as connection:
            for narrowed in _by_symbol(query, symbols):
                for symbol, start, end, checked_at, verdict, rows in connection.execute(narrowed):
                    found[symbol].append(Mark(Interval(start, end), checked_at, Verdict(verdict), rows))
        return {symbol: sorted(marks, key=lambda mark: mark.dates) for symbol, marks in found.items()}

    def revisions(self, destination: str, table: str, dates: Interval | None = None) -> dict[date, Revision]:
        """The revision that each day's whole-market file had when it was taken: stale where the listing has another."""
        query = sa.select(coverage).where(
            coverage.c.destination == destination,
            coverage.c.table_name == table,
            coverage.c.symbol == ALL_SYMBOLS,
            coverage.c.source == Source.FLATFILE.value,
            coverage.c.etag.is_not(None),
            *_touching(dates),
        )
        with self._database.read() as connection:
            rows = connection.execute(query).mappings()
            return {row["start_date"]: revision for row in rows if (revision := read_revision(row))}

    def destinations(self) -> list[str]:
        """Every destination of which anything is recorded, in order."""
        query = sa.select(coverage.c.destination).distinct().order_by(coverage.c.destination)
        with self._database.read() as connection:
            return list(connection.scalars(query))

    def unsatisfied(self, destination: str, table: str, dates: Interval) -> list[Coverage]:
        """What is known of partitions within reach of `dates` for which there is still something to do."""
        waiting = [verdict for verdict in Verdict if not verdict.satisfies]
        return self.find(destination, table, dates=dates, verdicts=waiting, limit=None)

    def find(
        self,
        destination: str,
        table: str | None = None,
        symbols: Collection[str] | None = None,
        dates: Interval | None = None,
        *,
        verdicts: Collection[Verdict] | None = None,
        sources: Collection[Source] | None = None,
        limit: int | None = 1000,
        after: tuple[str, str, date, date, Source] | None = None,
    ) -> list[Coverage]:
        """The rows with their evidence, by table, symbol and date, at most `limit` (None: all).

        `after` is table, symbol, first and last date and source of a row: those behind it.
        """
        conditions = [coverage.c.destination == destination, *_touching(dates)]
        if table is not None:
            conditions.append(coverage.c.table_name == table)
        if symbols is not None:
            conditions.append(coverage.c.symbol.in_(symbols))
        if verdicts is not None:
            conditions.append(coverage.c.verdict.in_([verdict.value for verdict in verdicts]))
        if sources is not None:
            conditions.append(coverage.c.source.in_([source.value for source in sources]))
        keys = list(coverage.primary_key.columns)
        query = sa.select(coverage).where(*conditions).order_by(*keys).limit(limit)
        if after is not None:
            query = query.where(sa.tuple_(*keys) > (destination, *after))
        with self._database.read() as connection:
            return [read_coverage(row) for row in connection.execute(query).mappings()]


def _touching(dates: Interval | None) -> list[sa.ColumnElement[bool]]:
    if dates is None:
        return []
    return [coverage.c.end_date >= dates.start, coverage.c.start_date <= dates.end]


def _by_symbol(query: sa.Select[Any], symbols: Collection[str] | None) -> Iterator[sa.Select[Any]]:
    if symbols is None:
        yield query
        return
    wanted = sorted({ALL_SYMBOLS, *symbols})
    for first in range(0, len(wanted), _CHUNK):
        yield query.where(coverage.c.symbol.in_(wanted[first : first + _CHUNK]))
