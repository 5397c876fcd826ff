"""Which part of its session date a bar is in, by the calendar of its exchange: half days and both clock changes too."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from functools import lru_cache

import polars as pl

from forebay.errors import UsageError
from forebay.model.calendar import session, session_days
from forebay.model.catalogue import Dataset
from forebay.model.intervals import Interval
from forebay.model.words import nearest

_WITH_HOURS = "XNYS"
"""The one calendar of ours with trading outside the regular hours."""
_MOMENT = pl.Datetime("us", "UTC")


class Hours(StrEnum):
    """The part of a session date that is asked for."""

    ALL = "all"
    """Every bar that there is."""
    REGULAR = "regular"
    """09:30 to 16:00 in New York, to 13:00 on a half day."""
    EXTENDED = "extended"
    """The whole trading day: 04:00 to 20:00 in New York, to 17:00 on a half day; the regular hours are part of it."""


def hours_named(word: str) -> Hours:
    """A word for hours as a person writes it. Raises UsageError for another one."""
    try:
        return Hours(word)
    except ValueError as error:
        raise UsageError(f"unknown session {word!r}", remedy=nearest(word, list(Hours))) from error


def within(bars: pl.LazyFrame, hours: Hours, dataset: Dataset, dates: Interval) -> pl.LazyFrame:
    """The bars that start inside `hours` of their session date, which is one of `dates`; their order stays.

    Raises UsageError for datasets that are traded around the clock: they have no such hours.
    """
    if hours is Hours.ALL:
        return bars
    if dataset.calendar != _WITH_HOURS:
        raise UsageError(
            f"{dataset.asset_class} are traded around the clock: there are no {hours} hours",
            remedy="leave the session out for them, or ask for them apart",
        )
    bounded = bars.join(bounds(dataset.calendar, hours, dates).lazy(), on="session_date", maintain_order="left")
    time = pl.col("window_start")
    return bounded.filter((time >= pl.col("opens")) & (time < pl.col("closes"))).drop("opens", "closes")


def bounds(calendar: str, hours: Hours, dates: Interval) -> pl.DataFrame:
    """`session_date`, `opens` and `closes` (UTC) of each session of `dates`; the extended ones for `all`."""
    years = [_year(calendar, hours, year) for year in range(dates.start.year, dates.end.year + 1)]
    return pl.concat(years).filter(pl.col("session_date").is_between(dates.start, dates.end))


@lru_cache(maxsize=128)
def _year(calendar: str, hours: Hours, year: int) -> pl.DataFrame:
    sessions = [session(calendar, day) for day in session_days(calendar, date(year, 1, 1), date(year, 12, 31))]
    regular = hours is Hours.REGULAR
    rows = [
        (each.day, *((each.regular_opens, each.regular_closes) if regular else (each.opens, each.closes)))
        for each in sessions
    ]
    return pl.DataFrame(rows, schema={"session_date": pl.Date, "opens": _MOMENT, "closes": _MOMENT}, orient="row")
