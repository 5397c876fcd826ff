"""Cutting bars into what one object holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import cast

import polars as pl

from forebay.model.calendar import day_start
from forebay.model.catalogue import Dataset
from forebay.model.csv_lzo import Window

DAY = "session_date"
"""The column that bars have beside those of their file."""


@dataclass(frozen=True, slots=True)
class Slice:
    """What goes into one object."""

    start: datetime
    """The first minute of its window, UTC; the window may have no bar then."""
    day: date
    """Its session date, of several the first."""
    tables: Iterable[pl.DataFrame]
    """FILE_ROWS, by time."""


def slices(bars: pl.DataFrame, window: Window, dataset: Dataset) -> Iterator[Slice]:
    """The slices of an hour or of a session date; `bars` are FILE_ROWS and DAY, by time. None without bars."""
    if window is Window.DAY:
        for (day,), rows in bars.group_by([DAY], maintain_order=True):
            yield Slice(day_start(dataset, cast("date", day)), cast("date", day), [rows.drop(DAY)])
        return
    hours = bars.with_columns(hour=pl.col("timestamp").dt.truncate("1h"))
    for (day, hour), rows in hours.group_by([DAY, "hour"], maintain_order=True):
        yield Slice(cast("datetime", hour), cast("date", day), [rows.drop(DAY, "hour")])


def whole(first: date, tables: Iterable[pl.DataFrame], dataset: Dataset) -> Slice:
    """The one slice of a ticker from the session date `first` on."""
    return Slice(day_start(dataset, first), first, (table.drop(DAY) for table in tables))
