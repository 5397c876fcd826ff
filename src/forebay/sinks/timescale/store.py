"""Batches of bars into tables: each in one transaction with the positions in Kafka that they came from."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

from forebay import failpoints
from forebay.errors import SinkRefused
from forebay.model.message import BarMessage
from forebay.model.place import Move, Place
from forebay.settings import TimescaleSettings
from forebay.sinks.timescale import hypertables, positions, schema
from forebay.sinks.timescale.columns import COLUMNS, KEY, VALUES, definition, names, rank
from forebay.sinks.timescale.connecting import connect, name_of, translated
from forebay.sinks.timescale.staging import packed, winners

_UNLIMITED = "SET timescaledb.max_tuples_decompressed_per_dml_transaction = 0"
"""A late repair may meet a compressed chunk; each batch is bounded already."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a batch."""

    received: int
    staged: int
    """Those of them that are of different keys."""
    stored: int
    """Rows that are new, or other than before. The rest was there already, or better."""
    tables: Mapping[str, int] = field(default_factory=dict)
    """Rows staged for each table."""


@dataclass(slots=True)
class Store:
    """One connection, for one thread at a time, made anew after every failure. `consumer` names its positions."""

    settings: TimescaleSettings
    consumer: str = "forebay"
    _connection: psycopg.Connection | None = None
    _schema: schema.Schema | None = None

    @property
    def name(self) -> str:
        """What the database is called in messages."""
        return name_of(self.settings)

    def write(self, bars: Sequence[BarMessage], moves: Sequence[Move] = ()) -> Written:
        """Store a batch and move the positions it came from, or do neither.

        Raises SinkUnavailable when the database is away (what was given may be stored then: its positions tell),
        PositionMoved when somebody else stored these messages, SinkRefused when not every row is there afterwards.
        """
        tables = winners(bars)
        with self._transaction() as connection:
            positions.move(connection, self.consumer, moves)
            failpoints.reach("consume.moved")
            stored = sum([self._upsert(connection, table, rows) for table, rows in tables.items()])
            failpoints.reach("consume.stored")
        counts = {table: len(rows) for table, rows in tables.items()}
        return Written(len(bars), sum(counts.values()), stored, counts)

    def positions(self, places: Collection[Place]) -> dict[Place, int]:
        """The next offset to read of each place that has a position. Raises SinkUnavailable, SinkRefused."""
        with self._transaction() as connection:
            return positions.read(connection, self.consumer, places)

    def prepare(self) -> schema.Schema:
        """See that tables are there. Raises SinkRefused for one with other columns, and as `positions`."""
        with self._transaction():
            assert self._schema is not None
            return self._schema

    def close(self) -> None:
        """Let the connection go."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    @contextmanager
    def _transaction(self) -> Iterator[psycopg.Connection]:
        with translated(self.name):
            try:
                connection = self._open()
                with connection.transaction():
                    yield connection
            except psycopg.Error:
                self.close()
                raise

    def _open(self) -> psycopg.Connection:
        if self._connection is None or self._connection.closed:
            connection = connect(self.settings)
            try:
                first, self._schema = self._schema is None, schema.prepare(connection, self.settings)
                if self._schema.timescaledb:
                    connection.execute(_UNLIMITED)
                elif first:
                    hypertables.say_plain(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _upsert(self, connection: psycopg.Connection, table: str, rows: Sequence[BarMessage]) -> int:
        """Rows that were stored. Raises SinkRefused when not all are there afterwards."""
        staged = f"forebay_staged_{table}"
        connection.execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS {staged} ({definition()}) ON COMMIT DELETE ROWS")
        with (
            connection.cursor() as cursor,
            cursor.copy(f"COPY {staged} ({names()}) FROM STDIN (FORMAT binary)") as copy,
        ):
            copy.write(packed(rows))
        failpoints.reach("consume.staged")
        stored = connection.execute(_upsert_sql(table, staged)).rowcount
        exact = self._schema is not None and table not in self._schema.inexact
        if stored == len(rows) and exact:
            return stored
        row = connection.execute(_present_sql(table, staged)).fetchone()
        if row is None or row[0] != len(rows):
            raise SinkRefused(_absent(table, len(rows), row[0] if row else 0))
        return stored


def _absent(table: str, staged: int, there: int) -> str:
    return f"{staged - there:,} of {staged:,} rows would not be in {table} as they came, so none of them was stored"


def _upsert_sql(table: str, staged: str) -> str:
    """Every staged row in the order of the key, so that two writers wait for each other and never for both."""
    held, new = (", ".join(f'{of}."{name}"' for name in VALUES) for of in ("held", "excluded"))
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in VALUES)
    key = ", ".join(f'"{name}"' for name in KEY)
    return (
        f"INSERT INTO {table} AS held ({names()}) SELECT {names()} FROM {staged} "
        f'ORDER BY symbol COLLATE "C", "timestamp" ON CONFLICT ({key}) DO UPDATE SET {changes} '
        f"WHERE {rank('excluded')} >= {rank('held')} AND ({held}) IS DISTINCT FROM ({new})"
    )


def _present_sql(table: str, staged: str) -> str:
    """Counts the staged rows that are in the table as they came, or are beaten there by a better source."""
    typed = [column for column in COLUMNS if column.name in VALUES]
    held = ", ".join(f'held."{column.name}"::{column.type}' for column in typed)
    new = ", ".join(f'staged."{column.name}"' for column in typed)
    return (
        f'SELECT count(*) FROM {staged} staged JOIN {table} held USING (symbol, "timestamp") '
        f"WHERE {rank('held')} > {rank('staged')} OR ({held}) IS NOT DISTINCT FROM ({new})"
    )
