"""Tables, their larger bars and the table of positions: looked for, judged, and made where they are not there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from structlog import get_logger

from forebay.errors import SinkRefused
from forebay.settings import TimescaleSettings
from forebay.sinks.timescale import hypertables, views
from forebay.sinks.timescale.columns import KEY, TABLES, definition, difference, holds_exactly
from forebay.sinks.timescale.connecting import name_of

log = get_logger(__name__)

_LOCK = 7_305_441_120_118
"""An advisory lock's number: those who start together make the tables one after another."""

POSITIONS = "forebay_positions"
_POSITIONS = f"""
CREATE TABLE IF NOT EXISTS {POSITIONS} (
    consumer text NOT NULL, topic text NOT NULL, partition integer NOT NULL, next_offset bigint NOT NULL,
    updated_at timestamp with time zone NOT NULL DEFAULT now(), PRIMARY KEY (consumer, topic, partition)
)"""

_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, NULL) FROM pg_attribute a
WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"""
_KEYS = """
SELECT (SELECT array_agg(a.attname::text) FROM pg_attribute a
        WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey[:i.indnkeyatts - 1]))
FROM pg_index i WHERE i.indrelid = to_regclass(%s) AND i.indisunique AND i.indpred IS NULL AND i.indisvalid"""
_KIND = "SELECT relkind::text, relrowsecurity FROM pg_class WHERE oid = to_regclass(%s)"


@dataclass(frozen=True, slots=True)
class Schema:
    """What was found or made."""

    timescaledb: str | None
    """The extension's version; None on plain PostgreSQL."""
    inexact: frozenset[str]
    """Tables with columns that may not hold our values as they are, or with rules of rows."""


def prepare(connection: psycopg.Connection, settings: TimescaleSettings) -> Schema:
    """See that all is there, in one transaction. A table that is there already stays as it is.

    Raises SinkRefused for a table of that name with other columns, with the difference.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        extension = hypertables.version(connection)
        connection.execute(_POSITIONS)
        inexact = [table for table in TABLES.values() if not _table(connection, table, settings, extension)]
        views.make(connection, TABLES["1m"], continuous=hypertables.holds(connection, TABLES["1m"], extension))
    return Schema(extension, frozenset(inexact))


def _table(connection: psycopg.Connection, table: str, settings: TimescaleSettings, extension: str | None) -> bool:
    """Whether it takes every value as it is, by COPY, once it is there."""
    kind = connection.execute(_KIND, [table]).fetchone()
    if kind is None:
        connection.execute(f"CREATE TABLE {table} ({definition()}, PRIMARY KEY ({', '.join(KEY)}))")
        if extension:
            hypertables.make(connection, table, settings)
        log.info("table_made", table=table, database=name_of(settings), timescaledb=extension or "none")
        return True
    found = {str(name): str(form) for name, form in connection.execute(_COLUMNS, [table]).fetchall()}
    keys: list[Sequence[str]] = [row[0] or [] for row in connection.execute(_KEYS, [table]).fetchall()]
    unlike = difference(found, keys) if kind[0] in "rp" else ["it is no table"]
    if unlike:
        raise SinkRefused(
            f"{table} in {name_of(settings)} is not a table of bars, and is left as it is: {'; '.join(unlike)}",
            remedy=f"rename it (ALTER TABLE {table} RENAME TO ...), or let TIMESCALE_DB name another database; "
            "docs/timescale.md has the columns",
        )
    return holds_exactly(found) and not kind[1]
