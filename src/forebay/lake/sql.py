"""SQL over the lake by DuckDB: every table a view, nothing writable, times in UTC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb
import polars as pl

from forebay.errors import UsageError

_READING = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)


def ask(query: str, tables: Mapping[str, Sequence[str]]) -> pl.DataFrame:
    """Answer one query over `tables` (`stocks/bars_1m` to its Parquet files).

    Raises UsageError when the query does not parse, names what is not there, or does anything but read.
    """
    with duckdb.connect() as connection:
        try:
            _check(connection, query)
            connection.execute("SET TimeZone = 'UTC'")
            for table, paths in tables.items():
                if paths:
                    _add_view(connection, table, paths)
            return pl.DataFrame(connection.sql(query).to_arrow_table())
        except duckdb.Error as error:
            known = ", ".join(table.replace("/", ".") for table in tables)
            raise UsageError(f"the query failed: {error}", remedy=f"tables of this lake: {known}") from error


def _check(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    statements = connection.extract_statements(query)
    if len(statements) != 1:
        raise UsageError(f"one statement is answered at a time; these are {len(statements)}", remedy="split them")
    if statements[0].type not in _READING:
        raise UsageError(f"the lake is read-only here: {statements[0].type.name} is refused", remedy="ask with SELECT")


def _add_view(connection: duckdb.DuckDBPyConnection, table: str, paths: Sequence[str]) -> None:
    schema, _, name = table.partition("/")
    listed = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    files = f"read_parquet([{listed}], hive_partitioning=false)"
    connection.execute(f"CREATE VIEW {schema}.{name} AS SELECT * FROM {files}")
