"""The tables of corporate actions in SQL, beside those of bars: as they were known when the bars were."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import duckdb

from forebay.errors import UsageError
from forebay.lake.actions.shape import SHAPES
from forebay.lake.actions.tables import read
from forebay.lake.home.home import Home
from forebay.lake.log.history import known_until
from forebay.lake.log.versions import AsOf

ACTION_TABLES = tuple(shape.table for shape in SHAPES)


def add_actions(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    named: Collection[str],
    beside: Collection[str],
    as_of: AsOf | None,
) -> None:
    """A view for each of the tables `named` that there is; a version as `as_of` is of the first of the bars `beside`.

    Raises UsageError for a version's number without such bars, and for a moment without a time zone.
    """
    for shape in SHAPES:
        if shape.table in named:
            rows = read(home, shape, _moment(home, beside, as_of))
            if rows is not None:
                schema, _, name = shape.table.partition("/")
                connection.register(f"known_{name}", rows.to_arrow())
                connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
                connection.execute(f"CREATE VIEW {schema}.{name} AS SELECT * FROM known_{name}")


def _moment(home: Home, beside: Collection[str], as_of: AsOf | None) -> datetime | None:
    if isinstance(as_of, datetime) and as_of.tzinfo is None:
        raise UsageError(f"as_of={as_of} has no time zone", remedy="give it one: datetime(..., tzinfo=UTC)")
    if isinstance(as_of, datetime) or as_of is None:
        return as_of
    if not beside:
        raise UsageError(f"version {as_of} of which table?", remedy="give as_of a datetime: actions are known by time")
    return known_until(home.table(next(iter(beside))), as_of)
