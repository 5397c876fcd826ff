"""What is done where the extension TimescaleDB is there: hypertables and their compression."""

from __future__ import annotations

import psycopg
from structlog import get_logger

from forebay.settings import TimescaleSettings

log = get_logger(__name__)


def version(connection: psycopg.Connection) -> str | None:
    """The extension's version in this database; None where it is not."""
    row = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'").fetchone()
    return str(row[0]) if row else None


def say_plain(connection: psycopg.Connection) -> None:
    """A word in the log about what plain PostgreSQL goes without."""
    there = connection.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb'").fetchone()
    how = "CREATE EXTENSION timescaledb in this database, before the tables are made, for" if there else "without"
    log.info("plain_postgresql", detail=f"no extension TimescaleDB: {how} hypertables, compression and aggregates")


def holds(connection: psycopg.Connection, table: str, extension: str | None) -> bool:
    """Whether a table is a hypertable."""
    if extension is None:
        return False
    query = "SELECT 1 FROM timescaledb_information.hypertables WHERE hypertable_name = %s AND hypertable_schema = ANY"
    return connection.execute(f"{query} (current_schemas(false))", [table]).fetchone() is not None


def make(connection: psycopg.Connection, table: str, settings: TimescaleSettings) -> None:
    """Turn an empty table into a hypertable that is compressed by and by, where its edition can."""
    chunk = f"INTERVAL '{settings.chunk_days} days'"
    connection.execute(f"SELECT create_hypertable('{table}', 'timestamp', chunk_time_interval => {chunk})")
    if settings.compress_days == 0:
        return
    try:
        with connection.transaction():
            connection.execute(
                f"ALTER TABLE {table} SET (timescaledb.compress, timescaledb.compress_segmentby = 'symbol', "
                """timescaledb.compress_orderby = '"timestamp"')"""
            )
            after = f"INTERVAL '{settings.compress_days} days'"
            connection.execute(f"SELECT add_compression_policy('{table}', {after})")
    except psycopg.errors.FeatureNotSupported as error:
        log.info("no_compression", table=table, reason=str(error).partition("\n")[0])
