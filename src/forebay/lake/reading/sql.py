"""SQL over the lake by DuckDB: every table a view, nothing writable, times in UTC."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any

import duckdb
import polars as pl
from polars.io.plugins import register_io_source

from forebay.errors import UsageError
from forebay.lake.actions.views import ACTION_TABLES, add_actions
from forebay.lake.home.home import Home
from forebay.lake.log.snapshot import ANY_DAY
from forebay.lake.log.versions import AsOf
from forebay.lake.reading.arrow import arrow_rows
from forebay.lake.reading.sql_scope import Scope, scopes_of
from forebay.lake.reading.tables import Selection, Tables
from forebay.lake.snapshots.views import add_snapshots, held_snapshots
from forebay.model.catalogue import LAKE_DATASETS
from forebay.model.rows import row_schema

_BATCH = 100_000
"""Rows of an answer that come at once."""
_READING = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)


def ask(query: str, tables: Tables, as_of: AsOf | None = None) -> pl.DataFrame:
    """Answer one query over a lake's tables. Only those that it names are looked at, and of them what it may touch.

    Raises UsageError when the query does not parse, names what is not there, or does anything but read, and for the
    number of a version when it names several tables; LakeError when the lake is empty or a file is damaged.
    """
    with _answer(query, tables, as_of) as (_, answer):
        return pl.DataFrame(answer.to_arrow_table())


@contextmanager
def asking(query: str, tables: Tables, as_of: AsOf | None = None) -> Iterator[pl.LazyFrame]:
    """The answer as rows that come a batch at a time, for as long as the context lasts; raises as `ask`.

    What was not asked for when it ends is not computed: the query is called off.
    """
    with _answer(query, tables, as_of) as (connection, answer):
        reader = answer.to_arrow_reader(_BATCH)
        empty, coming = pl.DataFrame(reader.schema.empty_table()), _Coming(reader, tables.home)

        def batches(columns: list[str] | None, where: pl.Expr | None, rows: int | None, _size: int | None) -> Any:
            for batch in coming:
                frame = pl.DataFrame(batch).head(_BATCH if rows is None else rows).select(columns or empty.columns)
                rows = None if rows is None else rows - frame.height
                yield frame if where is None else frame.filter(where)
                if rows == 0:
                    return

        try:
            yield register_io_source(batches, schema=empty.schema)
        finally:
            coming.call_off(connection)


class _Coming:
    """The batches of an answer, for whichever thread of Polars asks for the next, until it is called off."""

    def __init__(self, reader: Any, home: Home) -> None:
        self._reader, self._home = reader, home
        self._turn, self._over = Lock(), False

    def __iter__(self) -> Iterator[Any]:
        while (batch := self._next()) is not None:
            yield batch

    def call_off(self, connection: duckdb.DuckDBPyConnection) -> None:
        """End the query, in the middle of a batch if need be; then nobody uses the connection any more."""
        self._over = True
        connection.interrupt()
        with self._turn:
            self._reader.close()

    def _next(self) -> Any:
        """What fails after the first rows comes as Arrow's OSError, which is not about the file that is written."""
        with self._turn:
            if self._over:
                raise UsageError("the query's `with` has ended", remedy="ask for its rows inside, once")
            try:
                return next(self._reader, None)
            except OSError as error:
                if self._home.options:
                    told = self._home.explain(error)
                    raise told from told.__cause__
                remedy = "correct it, or look at the rows it names"
                raise UsageError(f"the query failed: {error}", remedy=remedy) from error


@contextmanager
def _answer(
    query: str, tables: Tables, as_of: AsOf | None
) -> Iterator[tuple[duckdb.DuckDBPyConnection, duckdb.DuckDBPyRelation]]:
    held, snapshots = _held(tables)
    with duckdb.connect() as connection, _translated(tables.home, [*held, *snapshots]):
        _check(connection, query)
        named = scopes_of(connection, query, [*held, *ACTION_TABLES, *snapshots])
        scopes = [scope for scope in named if scope.table in held]
        shown = [(scope.table, scope.dates) for scope in named if scope.table in snapshots]
        for table in held:  # so that a query for one that is not there is told what is
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {table.partition('/')[0]}")
        _add_views(connection, tables, scopes, as_of)
        beside = [scope.table for scope in scopes]
        add_actions(connection, tables.home, [scope.table for scope in named], beside, as_of)
        add_snapshots(connection, tables.home, shown, beside, as_of)
        answer = connection.sql(query)
        _check_columns(answer)
        yield connection, answer


def _check_columns(answer: duckdb.DuckDBPyRelation) -> None:
    """Raises UsageError for columns that share a name, and for a type that Polars has not."""
    twice = sorted(name for name, count in Counter(answer.columns).items() if count > 1)
    if twice:
        raise UsageError(
            f"several columns are called {', '.join(twice)}", remedy="name them apart: select a.close as first_close"
        )
    lengths = [name for name, kind in zip(answer.columns, answer.types, strict=True) if "INTERVAL" in str(kind)]
    if lengths:
        raise UsageError(f"Polars has no type for an INTERVAL: {', '.join(lengths)}", remedy="cast it: column::varchar")


def connected(tables: Tables, as_of: AsOf | None = None) -> duckdb.DuckDBPyConnection:
    """A connection with a view for every table. Raises LakeError when the lake is empty."""
    held, snapshots = _held(tables)
    connection = duckdb.connect()
    with _translated(tables.home, [*held, *snapshots]):
        _add_views(connection, tables, [Scope(table) for table in held], as_of)
        add_actions(connection, tables.home, ACTION_TABLES, held, as_of)
        add_snapshots(connection, tables.home, [(table, ANY_DAY) for table in snapshots], held, as_of)
    return connection


def _held(tables: Tables) -> tuple[list[str], list[str]]:
    """The tables of datasets, and those of snapshots. A lake with neither raises LakeError."""
    snapshots = held_snapshots(tables.home)
    return tables.held() if snapshots else tables.demand(), snapshots


def _check(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    statements = connection.extract_statements(query)
    if len(statements) != 1:
        raise UsageError(f"one statement is answered at a time; these are {len(statements)}", remedy="split them")
    if statements[0].type not in _READING:
        raise UsageError(f"the lake is read-only here: {statements[0].type.name} is refused", remedy="ask with SELECT")


def _add_views(
    connection: duckdb.DuckDBPyConnection, tables: Tables, scopes: Sequence[Scope], as_of: AsOf | None
) -> None:
    if isinstance(as_of, int) and len(scopes) > 1:
        raise UsageError(
            f"version {as_of} of which table? There are {len(scopes)} in question", remedy="give as_of a datetime"
        )
    connection.execute("SET TimeZone = 'UTC'")
    for scope in scopes:
        schema, _, name = scope.table.partition("/")
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        found = tables.select(LAKE_DATASETS[scope.table], scope.dates, scope.tickers, as_of)
        connection.execute(f"CREATE VIEW {schema}.{name} AS SELECT {_columns(found)} FROM {_source(connection, found)}")


def _columns(found: Selection) -> str:
    return ", ".join(f'"{name}"' for name in row_schema(found.dataset))


def _source(connection: duckdb.DuckDBPyConnection, found: Selection) -> str:
    """What a view reads: the files; those of a bucket by way of Arrow, as DuckDB would have to download its own way."""
    if found.files and not found.home.options:
        paths = (found.home.source(file.path).replace("'", "''") for file in found.files)
        listed = ", ".join(f"'{path}'" for path in paths)
        return f"read_parquet([{listed}], hive_partitioning=false)"
    name = f"held_{found.dataset.table.replace('/', '_')}"
    connection.register(name, arrow_rows(found))
    return name


@contextmanager
def _translated(home: Home, held: Sequence[str]) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        if home.options:
            from forebay.stores.wire import of_the_wire  # by way of obstore, which a folder has no use for

            if of_the_wire(error):
                told = home.explain(error)
                raise told from told.__cause__
        known = ", ".join(table.replace("/", ".") for table in held)
        raise UsageError(f"the query failed: {error}", remedy=f"tables of this lake: {known}") from error
