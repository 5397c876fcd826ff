"""The tables of snapshots in SQL, beside those of bars: as many as were taken until then."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import duckdb

from forebay.lake.home.home import Home
from forebay.lake.log.entries import exists
from forebay.lake.log.moments import moment_of
from forebay.lake.log.versions import AsOf
from forebay.lake.snapshots.shape import SNAPSHOT_ROWS
from forebay.lake.snapshots.table import paths_of, read
from forebay.model.instrument import AssetClass
from forebay.model.intervals import Interval
from forebay.model.snapshot import SHOWN_CLASSES, snapshots_table

_CLASSES = {snapshots_table(asset_class): asset_class for asset_class in SHOWN_CLASSES}


def held_snapshots(home: Home) -> list[str]:
    """The tables of snapshots that a lake has."""
    return [table for table in _CLASSES if exists(home.table(table))]


def add_snapshots(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    named: Iterable[tuple[str, Interval]],
    beside: Collection[str],
    as_of: AsOf | None,
) -> None:
    """A view for each of these tables, with the session dates that a query can touch.

    A version as `as_of` is of the first of the bars `beside`. Raises UsageError for a version's number without such
    bars, and for a moment without a time zone.
    """
    for table, dates in named:
        until = moment_of(home, beside, as_of, "snapshots")
        schema, _, name = table.partition("/")
        where = f" WHERE asked_at <= '{until.isoformat()}'::TIMESTAMPTZ" if until else ""
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        columns = ", ".join(f'"{column}"' for column in SNAPSHOT_ROWS)
        source = _source(connection, home, _CLASSES[table], dates)
        connection.execute(f"CREATE VIEW {schema}.{name} AS SELECT {columns} FROM {source}{where}")


def _source(connection: duckdb.DuckDBPyConnection, home: Home, asset_class: AssetClass, dates: Interval) -> str:
    """The files of these dates; those of a bucket by way of Arrow, as DuckDB would have to download its own way."""
    place = home.table(snapshots_table(asset_class))
    paths = paths_of(place, dates)
    if paths and not place.options:
        listed = ", ".join("'{}'".format(place.source(path).replace("'", "''")) for path in paths)
        return f"read_parquet([{listed}], hive_partitioning=false)"
    name = f"held_{asset_class}_snapshots"
    connection.register(name, read(home, asset_class, dates).collect().to_arrow())
    return name
