"""Which window of a timespan a bar belongs to, and bars of windows from base bars."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from forebay.model.catalogue import Kind

TIMESPANS = ("second", "minute", "hour", "day", "week", "month", "quarter", "year")
_NANOS = {"second": 1_000_000_000, "minute": 60_000_000_000, "hour": 3_600_000_000_000}
_EVERY = {"day": "d", "week": "w", "month": "mo", "quarter": "q", "year": "y"}
_LONGEST_DAYS = {"second": 1, "minute": 1, "hour": 1, "day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}


@dataclass(frozen=True, slots=True)
class Timespan:
    """`multiplier` times a unit, in the zone whose midnight starts a day."""

    multiplier: int
    unit: str
    zone: str

    @property
    def base(self) -> Kind:
        """What it is made of, and what `limit` counts: minute bars up to the hour, day bars above; see `of_seconds`."""
        return Kind.BARS_1M if self.unit in _NANOS else Kind.BARS_1D

    @property
    def of_seconds(self) -> bool:
        """Whether it is made of second bars instead."""
        return self.unit == "second"

    @property
    def longest(self) -> timedelta:
        """No window is longer."""
        return timedelta(days=_LONGEST_DAYS[self.unit] * (1 if self.unit in _NANOS else self.multiplier))

    def windows(self, starts: pl.Series) -> pl.Series:
        """The first instant (ns UTC) of the window each time (ns UTC) is in. Weeks begin on Sunday."""
        local = pl.from_epoch(starts, time_unit="ns").dt.replace_time_zone("UTC").dt.convert_time_zone(self.zone)
        if self.unit in _NANOS:
            length = self.multiplier * _NANOS[self.unit]
            midnight = local.dt.truncate("1d").dt.timestamp("ns")
            return midnight + (starts - midnight) // length * length
        wall = local.dt.replace_time_zone(None)
        shift = "1d" if self.unit == "week" else "0d"
        every = f"{self.multiplier}{_EVERY[self.unit]}"
        wall = wall.dt.offset_by(shift).dt.truncate(every).dt.offset_by(f"-{shift}")
        return wall.dt.replace_time_zone(self.zone).dt.timestamp("ns")

    def window(self, moment: datetime) -> int:
        """The first instant (ns UTC) of the window a moment is in."""
        at = pl.Series([round(moment.timestamp() * 1000) * 1_000_000], dtype=pl.Int64())
        return int(self.windows(at)[0])

    def next_window(self, start: int) -> int:
        """The first instant of the window that follows the one at `start`."""
        if self.unit in _NANOS:
            return start + self.multiplier * _NANOS[self.unit]
        at = pl.Series([start], dtype=pl.Int64())
        local = pl.from_epoch(at, time_unit="ns").dt.replace_time_zone("UTC").dt.convert_time_zone(self.zone)
        return int(local.dt.offset_by(f"{self.multiplier}{_EVERY[self.unit]}").dt.timestamp("ns")[0])

    def day_of(self, start: int) -> date:
        """The date, in the zone, on which a window begins."""
        at = pl.Series([start], dtype=pl.Int64())
        local = pl.from_epoch(at, time_unit="ns").dt.replace_time_zone("UTC").dt.convert_time_zone(self.zone)
        found: date = local.dt.date()[0]
        return found


def merged(base: pl.DataFrame) -> pl.DataFrame:
    """One bar for each `window` of base bars that are sorted by time. Adds nothing where there is no bar."""
    weight = pl.col("volume") * pl.col("vwap").fill_null(0.0)
    return (
        base.group_by("window", maintain_order=True)
        .agg(
            pl.col("open").first(),
            pl.col("high").max(),
            pl.col("low").min(),
            pl.col("close").last(),
            pl.col("volume").sum(),
            pl.when(pl.len() == 1)
            .then(pl.col("vwap").first())
            .otherwise(weight.sum() / pl.col("volume").sum())
            .alias("vwap"),
            pl.col("transactions").sum(),
        )
        .with_columns(pl.when(pl.col("volume") > 0).then(pl.col("vwap").round(6)).alias("vwap"))
    )
