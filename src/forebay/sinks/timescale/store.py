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
from forebay.sinks.timescale import hypertables, positions, schema, statements
from forebay.sinks.timescale.columns import TABLES
from forebay.sinks.timescale.connecting import connect, cut_after, name_of, translated
from forebay.sinks.timescale.staging import Rows, packed, winners
from forebay.sinks.timescale.statements import Lacks, Staged

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
    deadline: float = 330
    """Seconds for a transaction: more than the server itself grants a statement."""
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
            stored = sum([self._put(connection, rows) for rows in tables])
            failpoints.reach("consume.stored")
        counts = {rows.table: len(rows) for rows in tables}
        return Written(len(bars), sum(counts.values()), stored, counts)

    def lacks(self, bars: Sequence[BarMessage]) -> dict[str, Lacks]:
        """What `write` of these bars, of one timeframe, would change, by symbol. Raises as `positions`."""
        found: dict[str, Lacks] = {}
        with self._transaction() as connection:
            for rows in winners(bars):
                found |= statements.lacking(connection, self._stage(connection, rows))
        return found

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
                with cut_after(connection, self.deadline), connection.transaction():
                    yield connection
            except psycopg.Error:
                self.close()
                raise

    def _open(self) -> psycopg.Connection:
        if self._connection is None or self._connection.closed:
            connection = connect(self.settings)
            try:
                first, self._schema = self._schema is None, schema.prepare(connection, self.settings)
                for table in TABLES.values():
                    statements.make_staging_table(connection, table)
                if self._schema.timescaledb:
                    connection.execute(_UNLIMITED)
                elif first:
                    hypertables.say_plain(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _stage(self, connection: psycopg.Connection, rows: Rows) -> Staged:
        staged = statements.copy_into(connection, statements.staging_table(rows.table), packed(rows))
        _, firsts, lasts = zip(*rows.spans, strict=True)
        return Staged(rows.table, staged, min(firsts), max(lasts))

    def _put(self, connection: psycopg.Connection, rows: Rows) -> int:
        """Rows that were stored. Raises SinkRefused when not all are there afterwards."""
        exact = self._schema is not None and rows.table not in self._schema.inexact
        if exact and not statements.any_between(connection, rows.table, rows.spans):
            stored = statements.copy_into(connection, rows.table, packed(rows))
            if stored == len(rows):
                return stored
        return self._merge(connection, rows, exact=exact)

    def _merge(self, connection: psycopg.Connection, rows: Rows, *, exact: bool) -> int:
        """The same where the table may have some of them: by way of the staging table."""
        batch = self._stage(connection, rows)
        failpoints.reach("consume.staged")
        stored = statements.merge(connection, batch)
        if not (exact and stored == batch.rows):
            there = statements.present(connection, batch)
            if there != batch.rows:
                absent = batch.rows - there
                raise SinkRefused(
                    f"{absent:,} of {batch.rows:,} rows would not be in {rows.table} as they came: none is stored",
                    remedy=f"see that the columns of {rows.table} hold them: docs/timescale.md has the types",
                )
        return stored
