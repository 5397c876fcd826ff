"""The stored snapshots: a small Delta table for each class, one commit for all that were taken together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import date, timedelta
from itertools import groupby

import polars as pl
from deltalake import CommitProperties, DeltaTable, write_deltalake

from forebay.clock import Clock
from forebay.errors import LakeError
from forebay.lake.home.home import Conflict, Home, explained, scan
from forebay.lake.log import delta
from forebay.lake.log.entries import exists
from forebay.lake.snapshots.shape import SHOWN, SNAPSHOT_ROWS, rows_of
from forebay.model.instrument import AssetClass
from forebay.model.intervals import Interval
from forebay.model.snapshot import Judged, snapshots_table

_DAY = "day"
"""The partition's column: the session date as text, since a table's own columns are all in its files."""
_MANY = 48
"""Files of a day that are put together: four hours of one commit every five minutes."""
_KEEP = timedelta(days=7)
"""What was put together stays so long for who reads it still."""
_ATTEMPTS = 5
_WAIT = 0.2


def append(home: Home, asset_class: AssetClass, judged: Iterable[Judged], clock: Clock) -> int:
    """Keep what is new of these snapshots, in one commit; how many rows that was. `home` is the lake's.

    One that shows what is held already is not kept again, so that nothing is stored twice when a run is repeated, and
    one without a price of its day not at all. Raises LakeError, StoreError.
    """
    rows = rows_of(judged)
    if rows.is_empty():
        return 0
    place = home.table(snapshots_table(asset_class))
    for attempt in range(1, _ATTEMPTS + 1):
        place.make()
        with place.writer(clock):
            try:
                return _append(place, snapshots_table(asset_class), rows)
            except Conflict:
                clock.sleep(_WAIT * attempt)
    raise LakeError(f"{place.uri}: other programs committed first {_ATTEMPTS} times", remedy="run it again")


def latest(home: Home, asset_class: AssetClass, tickers: Collection[str]) -> pl.DataFrame:
    """The newest snapshot that is held of each of `tickers`, in the columns of SNAPSHOT_ROWS, sorted by ticker.

    Looks from the newest day back until each was met. Raises LakeError, StoreError.
    """
    found, missing = SNAPSHOT_ROWS.to_frame(), set(tickers)
    for rows in _days(home, asset_class, Interval(date.min, date.max)):
        if not missing:
            break
        mine = rows.filter(pl.col("ticker").is_in(sorted(missing))).sort("asked_at")
        newest = mine.group_by("ticker").last().select(SNAPSHOT_ROWS.names()).collect()
        found.extend(newest)
        missing -= set(newest["ticker"])
    return found.sort("ticker")


def read(home: Home, asset_class: AssetClass, dates: Interval, tickers: Collection[str] | None = None) -> pl.LazyFrame:
    """The snapshots of these session dates, of `tickers` (None: of all), sorted by ticker and time.

    No rows where none were taken. Raises LakeError, StoreError; what fails later, when it is collected, is Polars' own.
    """
    rows = pl.concat([SNAPSHOT_ROWS.to_frame().lazy(), *_days(home, asset_class, dates)])
    mine = rows if tickers is None else rows.filter(pl.col("ticker").is_in(sorted(tickers)))
    return mine.sort("ticker", "asked_at")


def paths_of(place: Home, dates: Interval) -> list[str]:
    """The files of a table (`place`) with rows of these session dates, by date; none when there is no table."""
    if not exists(place):
        return []
    held = sorted(delta.files(delta.open_table(place)))
    return [path for path in held if dates.start <= _day_of(path) <= dates.end]


def _append(place: Home, name: str, rows: pl.DataFrame) -> int:
    table = _opened(place, name)
    days = rows["session_date"].unique().sort()
    with explained(place):
        held = [_alike(found, rows) for day in days for found in _of_day(place, table, day)]
    new = rows.join(pl.concat(held), on=SHOWN.names(), how="anti", nulls_equal=True) if held else rows
    if new.height:
        with delta.translated(place):
            write_deltalake(table, _with_day(new), mode="append", commit_properties=_once())
            for day in days:
                _put_together(table, day)
    return new.height


def _alike(held: pl.LazyFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """What is held with the ticker and time of one of `rows`: a few of the day's many."""
    asked = rows.lazy().select("ticker", "updated")
    mine = held.select(SHOWN.names()).join(asked, on=["ticker", "updated"], how="semi", nulls_equal=True)
    return mine.collect(engine="streaming")


def _put_together(table: DeltaTable, day: date) -> None:
    """Many small files of a day as one; those that were put together long ago go."""
    if sum(path.startswith(_folder(day)) for path in delta.files(table)) >= _MANY:
        table.optimize.compact(partition_filters=[(_DAY, "=", f"{day}")], commit_properties=_once())
        table.vacuum(retention_hours=_KEEP // timedelta(hours=1), dry_run=False)


def _opened(place: Home, name: str) -> DeltaTable:
    if not exists(place):
        with delta.translated(place):
            DeltaTable.create(
                place.uri,
                _with_day(SNAPSHOT_ROWS.to_frame()).to_arrow().schema,
                mode="ignore",
                partition_by=[_DAY],
                name=name,
                storage_options=place.options,
                commit_properties=_once(),
            )
    return delta.open_table(place)


def _days(home: Home, asset_class: AssetClass, dates: Interval) -> Iterator[pl.LazyFrame]:
    """The rows of each session date that is held, the newest first."""
    place = home.table(snapshots_table(asset_class))
    for _, several in groupby(reversed(paths_of(place, dates)), key=_day_of):
        yield scan(place, list(several)).select(SNAPSHOT_ROWS.names())


def _of_day(place: Home, table: DeltaTable, day: date) -> Iterator[pl.LazyFrame]:
    paths = [path for path in delta.files(table) if path.startswith(_folder(day))]
    if paths:
        yield scan(place, paths)


def _folder(day: date) -> str:
    return f"{_DAY}={day}/"


def _day_of(path: str) -> date:
    return date.fromisoformat(path.partition("/")[0].removeprefix(f"{_DAY}="))


def _with_day(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.col("session_date").cast(pl.String).alias(_DAY))


def _once() -> CommitProperties:
    return CommitProperties(max_commit_retries=0)
