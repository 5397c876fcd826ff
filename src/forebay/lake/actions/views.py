"""The tables of corporate actions in SQL, beside those of bars: as they were known when the bars were."""

from __future__ import annotations

from collections.abc import Collection

import duckdb

from forebay.lake.actions.shape import SHAPES
from forebay.lake.actions.tables import read
from forebay.lake.home.home import Home
from forebay.lake.log.moments import moment_of
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
            rows = read(home, shape, moment_of(home, beside, as_of, "actions"))
            if rows is not None:
                schema, _, name = shape.table.partition("/")
                connection.register(f"known_{name}", rows.to_arrow())
                connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
                connection.execute(f"CREATE VIEW {schema}.{name} AS SELECT * FROM known_{name}")
