"""Coverage of a destination made anew from what its storage proves, table by table."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import sqlalchemy as sa

from forebay.db.engine import Database
from forebay.db.tables import coverage
from forebay.db.upsert import upsert
from forebay.ledger.records import coverage_record, read_coverage
from forebay.model.coverage import Coverage, Verdict
from forebay.model.partition import Partition, Source

_Identity = tuple[Partition, Source]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How many rows a rebuild met in which way."""

    added: int = 0
    """Storage proves what was not recorded."""
    changed: int = 0
    """Recorded otherwise than storage proves."""
    kept: int = 0
    """Recorded as storage proves."""
    removed: int = 0
    """Recorded as complete, and not in storage."""

    def __add__(self, other: Rebuilt) -> Rebuilt:
        return Rebuilt(
            self.added + other.added,
            self.changed + other.changed,
            self.kept + other.kept,
            self.removed + other.removed,
        )


def rebuild(
    database: Database, now: datetime, destination: str, rows: Iterable[Coverage], tables: Collection[str] | None = None
) -> Rebuilt:
    """Record `rows`, which come table by table, and remove what they do not confirm, a table in a transaction.

    `tables` (None: all that are recorded) are looked at even if no row comes for them; tables beside them stay as they
    are. Only verdict `complete` is removed, since storage proves nothing of the others, and only what was checked
    before `now`: a worker may deliver meanwhile. Memory holds one table's rows. A kill leaves whole tables done.
    Raises ValueError for a row of another destination or table, and for a table that comes twice.
    """
    left = set(_recorded_tables(database, destination) if tables is None else tables)
    done: set[str] = set()
    total = Rebuilt()
    for table, group in groupby(rows, key=lambda row: row.partition.table):
        if table in done or (tables is not None and table not in tables):
            raise ValueError(f"rows of {table} come apart from each other, or were not to come")
        done.add(table)
        total += _rebuild_table(database, now, destination, table, _checked(group, destination))
    for table in sorted(left - done):
        total += _rebuild_table(database, now, destination, table, iter(()))
    return total


def _recorded_tables(database: Database, destination: str) -> list[str]:
    with database.read() as connection:
        query = sa.select(coverage.c.table_name).where(coverage.c.destination == destination).distinct()
        return list(connection.scalars(query))


def _checked(rows: Iterable[Coverage], destination: str) -> Iterator[Coverage]:
    for row in rows:
        if row.destination != destination:
            raise ValueError(f"{row.partition} is at {row.destination}, not at {destination}")
        yield row


def _rebuild_table(
    database: Database, now: datetime, destination: str, table: str, rows: Iterator[Coverage]
) -> Rebuilt:
    proven = {(row.partition, row.source): row for row in rows}  # read before the lock is taken: storage is slow
    with database.write() as connection:
        recorded = _recorded(connection, destination, table)
        wrong = [row for identity, row in proven.items() if recorded.get(identity) != row]
        gone = [
            row
            for identity, row in recorded.items()
            if identity not in proven and row.verdict is Verdict.COMPLETE and row.checked_at < now
        ]
        upsert(connection, coverage, [coverage_record(row) for row in wrong])
        withdraw(connection, gone)
    added = len(proven.keys() - recorded.keys())
    return Rebuilt(added, len(wrong) - added, len(proven) - len(wrong), len(gone))


def _recorded(connection: sa.Connection, destination: str, table: str) -> dict[_Identity, Coverage]:
    query = sa.select(coverage).where(coverage.c.destination == destination, coverage.c.table_name == table)
    found = (read_coverage(row) for row in connection.execute(query).mappings())
    return {(row.partition, row.source): row for row in found}


def withdraw(connection: sa.Connection, rows: Iterable[Coverage]) -> int:
    """Delete rows as they were read; one that has been recorded anew since then stays. How many."""
    same = [*coverage.primary_key.columns, coverage.c.checked_at]
    records = [coverage_record(row) for row in rows]
    if not records:
        return 0
    statement = sa.delete(coverage).where(*(column == sa.bindparam(f"its_{column.name}") for column in same))
    marks = [{f"its_{column.name}": record[column.name] for column in same} for record in records]
    return connection.execute(statement, marks).rowcount
