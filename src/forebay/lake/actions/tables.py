"""The stored tables of corporate actions: small Delta tables, whose versions say what was known when."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any

import polars as pl
from deltalake import CommitProperties, DeltaTable, write_deltalake

from forebay.clock import Clock
from forebay.errors import LakeError
from forebay.lake.actions.shape import Shape
from forebay.lake.home.home import Conflict, Home, scan
from forebay.lake.log import delta
from forebay.lake.log.entries import exists

_YEAR = "year"
_KNOWN_AT = "forebay.known_at"
"""In a commit: the moment from which its rows were known, by the clock of who asked the vendor."""
_SETTINGS: dict[str, str | None] = {"delta.logRetentionDuration": "interval 36500 days"}
"""What was known then must stay to be told, so no commit is ever forgotten."""
_ATTEMPTS = 5
_WAIT = 0.2


def read(
    home: Home, shape: Shape, known_at: datetime | None = None, tickers: Collection[str] | None = None
) -> pl.DataFrame | None:
    """A table's rows, of `tickers` (None: of all), as they were known at a moment (None: now), sorted by day.

    None when there was no such table yet. `home` is the lake's. Raises LakeError, StoreError.
    """
    place = home.table(shape.table)
    if not exists(place):
        return None
    table = delta.open_table(place)
    with delta.translated(place):
        if known_at is not None:
            version = _version_at(table, known_at)
            if version is None:
                return None
            table.load_as_version(version)
        return _rows(place, shape, table, tickers)


def update(home: Home, shape: Shape, change: Callable[[pl.DataFrame], pl.DataFrame], clock: Clock) -> bool:
    """Replace a table's rows by what `change` makes of them, in one commit; whether anything changed.

    Makes the table when there is none. `change` is asked again when another program was first. Raises LakeError,
    StoreError, and what `change` raises: the table is then as it was.
    """
    place = home.table(shape.table)
    for attempt in range(1, _ATTEMPTS + 1):
        place.make()
        with place.writer(clock):
            table = _opened(place, shape, clock.now())
            with delta.translated(place):
                held = _rows(place, shape, table)
            try:
                return _replace(place, shape, held, change(held), table, clock.now())
            except Conflict:
                clock.sleep(_WAIT * attempt)
    raise LakeError(f"{place.uri}: other programs committed first {_ATTEMPTS} times", remedy="run it again")


def _opened(place: Home, shape: Shape, now: datetime) -> DeltaTable:
    if not exists(place):
        with delta.translated(place):
            DeltaTable.create(
                place.uri,
                _with_year(shape.columns.to_frame(), shape).to_arrow().schema,
                mode="ignore",
                partition_by=[_YEAR],
                name=shape.table,
                configuration=_SETTINGS,
                storage_options=place.options,
                commit_properties=_known(now),
            )
    return delta.open_table(place)


def _rows(place: Home, shape: Shape, table: DeltaTable, tickers: Collection[str] | None = None) -> pl.DataFrame:
    paths = delta.files(table)
    if not paths:
        return shape.columns.to_frame()
    rows = scan(place, paths).select(shape.columns.names())
    asked = rows if tickers is None else rows.filter(pl.col("ticker").is_in(sorted(tickers)))
    return asked.collect().sort(shape.day, "ticker", shape.key)


def _replace(
    place: Home, shape: Shape, held: pl.DataFrame, rows: pl.DataFrame, table: DeltaTable, now: datetime
) -> bool:
    """Write the years whose rows are others now."""
    before, after = (_with_year(some, shape).partition_by(_YEAR, as_dict=True) for some in (held, rows))
    nothing = rows.pipe(_with_year, shape).clear()
    changed = [key for key in {**before, **after} if not after.get(key, nothing).equals(before.get(key, nothing))]
    if not changed:
        return False
    years = ", ".join(f"'{year}'" for (year,) in sorted(changed))
    with delta.translated(place):
        write_deltalake(
            table,
            pl.concat([nothing, *(after[key] for key in changed if key in after)]),
            mode="overwrite",
            predicate=f"{_YEAR} IN ({years})",
            commit_properties=_known(now),
        )
    return True


def _known(now: datetime) -> CommitProperties:
    return CommitProperties(custom_metadata={_KNOWN_AT: now.isoformat()}, max_commit_retries=0)


def _with_year(rows: pl.DataFrame, shape: Shape) -> pl.DataFrame:
    return rows.with_columns(pl.col(shape.day).dt.year().cast(pl.String).alias(_YEAR))


def _version_at(table: DeltaTable, moment: datetime) -> int | None:
    """The newest version that was known at `moment`; None before the first with rows."""
    known = [(entry["version"], _known_at(entry)) for entry in table.history()]
    versions = [version for version, since in known if since is not None and since <= moment.astimezone(UTC)]
    return max(versions, default=None)


def _known_at(entry: dict[str, Any]) -> datetime | None:
    said = entry.get(_KNOWN_AT)
    return datetime.fromisoformat(said) if said else None
