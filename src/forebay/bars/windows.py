"""Sizes of bars as readers name them, and which window a bar of the base is in, anchored like the vendor's.

Source: REST page, section 2: minutes start on the minute, hours on the hour, days at midnight of the exchange, weeks on
Sunday, months and quarters on their first day.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from forebay.errors import UsageError
from forebay.model.intervals import Interval
from forebay.model.words import nearest

USUAL = ("1m", "2m", "3m", "5m", "10m", "15m", "30m", "45m", "1h", "2h", "4h", "1d", "1w", "1M", "1q", "1y")
"""Any other number of these units is read too, up to a day of minutes or hours."""
_MINUTES = {"m": 1, "h": 60}
_EVERY = {"d": "d", "w": "w", "M": "mo", "q": "q", "y": "y"}
_WORD = re.compile(r"([1-9][0-9]{0,3})([mhdwMqy])")
_SECONDS = re.compile(r"[1-9][0-9]*s")
_HOUR, _DAY = 60, 1440
_MINUTE = 60_000_000
"""In microseconds."""
_WEEK_SHIFT = {"w": "1d"}
"""Polars' weeks begin on Monday."""


@dataclass(frozen=True, slots=True)
class Window:
    """`5m`, `2h`, `1d`, `1w`, `1M`: `count` units. Minutes and hours are counted from midnight of each session date."""

    count: int
    unit: str

    @property
    def minutes(self) -> int:
        """Its length; 0 for days and more."""
        return self.count * _MINUTES.get(self.unit, 0)

    @property
    def of_days(self) -> bool:
        """Whether it holds whole session dates."""
        return self.unit in _EVERY

    @property
    def of_one_day(self) -> bool:
        """Whether it is one session date."""
        return (self.count, self.unit) == (1, "d")

    def start(self, zone: str) -> pl.Expr:
        """The first instant (UTC) of the window, from `window_start` and `session_date`; `zone` is the exchange's."""
        time = pl.col("window_start")
        if self.of_days:
            return _midnight(self._first_day(pl.col("session_date")), zone)
        if _HOUR % self.minutes == 0:  # every zone of ours is whole hours from UTC
            return time.dt.truncate(f"{self.minutes}m")
        elapsed = (time - _midnight(pl.col("session_date"), zone)).dt.total_microseconds()
        return time - pl.duration(microseconds=elapsed % (self.minutes * _MINUTE))

    def widened(self, dates: Interval) -> Interval:
        """The dates of all windows that `dates` touch: a bar is never made of a part of its sessions."""
        if not self.of_days or self.of_one_day:
            return dates
        first = dates.start if dates.start == date.min else self._window_of(dates.start).start
        last = dates.end if dates.end == date.max else self._window_of(dates.end).end
        return Interval(first, last)

    def _window_of(self, day: date) -> Interval:
        start = self._first_day(pl.lit(day))
        first, after = pl.select(start.alias("first"), start.dt.offset_by(self._every).alias("after")).row(0)
        return Interval(first, after - timedelta(days=1))

    def _first_day(self, day: pl.Expr) -> pl.Expr:
        shift = _WEEK_SHIFT.get(self.unit, "0d")
        return day.dt.offset_by(shift).dt.truncate(self._every).dt.offset_by(f"-{shift}")

    @property
    def _every(self) -> str:
        return f"{self.count}{_EVERY[self.unit]}"


def window_named(word: str) -> Window:
    """A size as a person writes it. Raises UsageError for one that there is not."""
    if not isinstance(word, str):
        raise UsageError(f"timeframe={word!r} is no text", remedy="write it as '5m', '1h' or '1d'")
    if _SECONDS.fullmatch(word):
        raise UsageError(
            f"bars of {word} are made of trades, not of the minute bars in the lake",
            remedy=f"`forebay trades bars --date DAY --size {word}` makes them",
        )
    found = _WORD.fullmatch(word)
    window = Window(int(found[1]), found[2]) if found else None
    if window is None or window.minutes >= _DAY:
        raise UsageError(f"unknown timeframe {word!r}", remedy=nearest(word, USUAL))
    return window


def _midnight(day: pl.Expr, zone: str) -> pl.Expr:
    return day.cast(pl.Datetime("us")).dt.replace_time_zone(zone).dt.convert_time_zone("UTC")
