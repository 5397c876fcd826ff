"""What the ledger knows of whole tables, read at once for the coverage grid: a text for each symbol, not a row a day.

Ten thousand symbols are mostly covered alike. The database joins what it knows of a symbol into one text, so that equal
symbols are equal texts: what they mean is worked out once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum

import sqlalchemy as sa

from forebay.clock import Clock
from forebay.db.engine import Database
from forebay.db.tables import coverage, files_upstream, tasks
from forebay.ledger.coverage import FINAL_SOURCES, SETTLED
from forebay.model.coverage import Verdict
from forebay.model.partition import ALL_SYMBOLS, Source
from forebay.model.task import FAILED

_DATE = 10
_PIECE = 2 * _DATE + 1
"""Characters of a piece in a text: first date, last date, mark."""


class Mark(StrEnum):
    """What a piece of a text says of its dates."""

    ROWS = "r"
    """Held for good, with rows, which the storage must have."""
    HELD = "c"
    """Held for good; whether with rows is not said."""
    EMPTY = "e"
    """Nothing is to be had there."""
    SUSPECT = "s"
    MISSING = "m"
    PENDING = "p"
    FAILED = "f"
    """A task could not bring it."""
    PROVISIONAL = "x"
    """Recorded, and still wanted: only the stream has brought it, or the answer has expired."""


Piece = tuple[str, str, str]
"""First and last date, as ISO 8601 writes them, and a Mark."""


def pieces(text: str) -> list[Piece]:
    """What a text of `GridBook.texts` says, in its order."""
    starts = range(0, len(text), _PIECE)
    return [(text[at : at + _DATE], text[at + _DATE : at + 2 * _DATE], text[at + 2 * _DATE]) for at in starts]


def piece(start: date, end: date, mark: Mark) -> str:
    """One more for a text."""
    return f"{start.isoformat()}{end.isoformat()}{mark.value}"


class GridBook:
    """Reads for the grid. All methods raise LedgerError for the database's sake."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def recorded(self, destination: str, tables: Iterable[str]) -> list[str]:
        """Those of `tables` of which anything is recorded there, in their order."""
        found: list[str] = []
        with self._database.read() as connection:
            for table in tables:
                any_row = sa.select(sa.literal(1)).where(*_of(destination, table)).limit(1)
                if connection.scalar(any_row):
                    found.append(table)
        return found

    def texts(self, destination: str, table: str) -> dict[str, str]:
        """Symbol (`*` is all) to what is recorded of it there, as a text for `pieces`."""
        written = (
            sa.cast(coverage.c.start_date, sa.Text) + sa.cast(coverage.c.end_date, sa.Text) + _mark(self._clock.now())
        )
        query = sa.select(coverage.c.symbol, sa.func.aggregate_strings(written, "")).where(*_of(destination, table))
        with self._database.read() as connection:
            found = connection.execute(query.group_by(coverage.c.symbol)).all()
        return {row[0]: row[1] for row in found}

    def failed(self, destination: str, table: str) -> dict[str, str]:
        """Symbol to what tasks that failed or were given up should have brought, as a text for `pieces`."""
        states = [state.value for state in FAILED]
        query = sa.select(tasks.c.symbol, tasks.c.start_date, tasks.c.end_date).where(
            tasks.c.destination == destination, tasks.c.table_name == table, tasks.c.status.in_(states)
        )
        found: defaultdict[str, str] = defaultdict(str)
        with self._database.read() as connection:
            for symbol, start, end in connection.execute(query):
                found[symbol] += piece(start, end, Mark.FAILED)
        return dict(found)

    def replaced(self, destination: str, table: str, dataset: str) -> list[date]:
        """Session dates that are held from a flat file of which the vendor's listing has another revision by now."""
        same = [coverage.c[name] == files_upstream.c[name] for name in ("etag", "size", "last_modified")]
        query = (
            sa.select(coverage.c.start_date)
            .join(files_upstream, files_upstream.c.day == coverage.c.start_date)
            .where(*_of(destination, table), coverage.c.symbol == ALL_SYMBOLS, files_upstream.c.dataset == dataset)
            .where(coverage.c.source == Source.FLATFILE.value, coverage.c.etag.is_not(None), sa.not_(sa.and_(*same)))
            .order_by(coverage.c.start_date)
        )
        with self._database.read() as connection:
            return list(connection.scalars(query))


def _of(destination: str, table: str) -> list[sa.ColumnElement[bool]]:
    return [coverage.c.destination == destination, coverage.c.table_name == table]


def _mark(now: datetime) -> sa.ColumnElement[str]:
    """The mark of a row, worked out by the database."""
    good = sa.and_(
        coverage.c.verdict.in_([verdict.value for verdict in SETTLED]),
        coverage.c.source.in_([source.value for source in FINAL_SOURCES]),
        sa.or_(coverage.c.expires_at.is_(None), coverage.c.expires_at > now),
    )
    marks = {
        Verdict.SUSPECT: Mark.SUSPECT,
        Verdict.MISSING_UPSTREAM: Mark.MISSING,
        Verdict.PENDING_UPSTREAM: Mark.PENDING,
    }
    return sa.case(
        (sa.and_(good, coverage.c.verdict == Verdict.KNOWN_EMPTY.value), Mark.EMPTY.value),
        (sa.and_(good, coverage.c.rows > 0), Mark.ROWS.value),
        (good, Mark.HELD.value),
        *((coverage.c.verdict == verdict.value, mark.value) for verdict, mark in marks.items()),
        else_=Mark.PROVISIONAL.value,
    )
