"""Which sessions of another program's file may be believed to be whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from statistics import median

import polars as pl

from forebay.errors import CheckFailed
from forebay.files.names import TickerFile
from forebay.files.reading import dataset_of, in_order
from forebay.lake.intake.quality import MOST_BAD, check_rows
from forebay.model.calendar import session, session_days
from forebay.model.catalogue import Dataset, Kind
from forebay.model.partition import Source
from forebay.model.rows import BAR_ROWS

_BUSY = 200
"""Minute bars in the middle session of a ticker that trades all day."""
_THIN = 0.4
"""Such a ticker's session with less of the usual bars than this was cut off: the shortest half day has half of them."""


@dataclass(frozen=True, slots=True)
class Day:
    """One session date of a file."""

    day: date
    rows: int
    bad: int
    """Rows that fail a check of the lake."""
    first: datetime
    """Its first bar, UTC."""


def bars_in(file: TickerFile) -> Iterator[pl.DataFrame]:
    """A file's rows by time, as the lake has rows that came by REST (BAR_ROWS). Raises CheckFailed."""
    zone = dataset_of(file).timezone
    day = pl.col("window_start").dt.convert_time_zone(zone).dt.date().alias("session_date")
    marks = (pl.lit(file.ticker).alias("ticker"), pl.lit(Source.REST.value).alias("source"))
    for rows in in_order(file):
        yield rows.rename({"timestamp": "window_start"}).with_columns(day, *marks).select(BAR_ROWS.names())


def survey(file: TickerFile) -> list[Day]:
    """Every session date of a file, sorted. Raises CheckFailed for a file that cannot be read."""
    parts = [_days(rows, check_rows(rows, dataset_of(file)).bad) for rows in bars_in(file)]
    if not parts:
        return []
    sums = (pl.col("rows").sum(), pl.col("bad").sum(), pl.col("first").min())
    found = pl.concat(parts).group_by("session_date").agg(*sums).sort("session_date")
    return [Day(*row) for row in found.iter_rows()]


def _days(rows: pl.DataFrame, bad: pl.DataFrame) -> pl.DataFrame:
    found = rows.group_by("session_date").agg(pl.len().alias("rows"), pl.col("window_start").min().alias("first"))
    wrong = bad.group_by("session_date").agg(pl.len().alias("bad"))
    joined = found.join(wrong, on="session_date", how="left").with_columns(pl.col("bad").fill_null(0))
    return joined.select("session_date", "rows", "bad", "first")


def believable(file: TickerFile, days: list[Day]) -> list[date]:
    """The sessions that seem whole: every row good, and neither cut off by the file's ends nor far too thin.

    The newest is never believed: the download may have ended in the middle of it. Raises CheckFailed when too many rows
    are bad or on days without a session: the times may then be of another zone.
    """
    dataset = dataset_of(file)
    sessions = set(session_days(dataset.calendar, days[0].day, days[-1].day)) if days else set()
    _refuse_rotten(file, days, sessions)
    usual = median(day.rows for day in days) if days else 0
    thin = _THIN * usual if dataset.kind is Kind.BARS_1M and usual >= _BUSY else 0
    return [
        day.day
        for number, day in enumerate(days[:-1])
        if day.day in sessions and not day.bad and day.rows >= thin and (number or not _begins_late(dataset, day))
    ]


def _begins_late(dataset: Dataset, day: Day) -> bool:
    """Whether a file's first session begins after its close: a download from midnight in UTC on does so."""
    return dataset.kind is Kind.BARS_1M and day.first >= session(dataset.calendar, day.day).regular_closes


def _refuse_rotten(file: TickerFile, days: Iterable[Day], sessions: set[date]) -> None:
    rows = sum(day.rows for day in days)
    bad = sum(day.bad for day in days if day.day in sessions)
    stray = sum(day.rows for day in days if day.day not in sessions)
    if bad + stray > MOST_BAD * rows:
        raise CheckFailed(
            f"{file.path}: of {rows:,} rows {bad:,} are no bars and {stray:,} are on days without a session",
            remedy="see whether its times are in UTC; nothing of it was taken over",
        )
