"""The days and hours of two exchanges: weekdays, less the closures that `closures.csv` lists or the library computes.

exchange_calendars is the source, and takes a second of CPU to import and ask: what it says of the years up to
LAST_YEAR is kept beside this file. After an update of the library that moves a session, a test asks for

    python -m forebay.model.exchanges > new.csv && mv new.csv src/forebay/model/closures.csv
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

FIRST_YEAR, LAST_YEAR = 2003, 2030
"""The vendor's oldest stock day is 2003-09-10. Later years than the last are computed when they are asked for."""

_CLOSURES = "closures.csv"
_HEADER = "exchange,date,closes"
_SATURDAY = 5
_DAY = timedelta(days=1)

Closures = dict[date, time | None]
"""Weekdays out of the ordinary: with the local time of an early close, or with None for no session at all."""


@dataclass(frozen=True, slots=True)
class Hours:
    """An ordinary session of an exchange in its own time."""

    zone: ZoneInfo
    opens: time
    closes: time
    evening_before: bool = False
    """Whether it opens on the calendar day before its trade date."""


HOURS = {
    "XNYS": Hours(ZoneInfo("America/New_York"), time(9, 30), time(16)),
    "CMES": Hours(ZoneInfo("America/Chicago"), time(17), time(17), evening_before=True),
}
"""New York, and CME Globex, by the names of exchange_calendars."""


@lru_cache(maxsize=16)
def trading_days(exchange: str, until_year: int) -> list[date]:
    """Every session date from FIRST_YEAR to the end of `until_year`, sorted."""
    closures = _closures(exchange, until_year)
    return [day for day in _weekdays(FIRST_YEAR, until_year) if closures.get(day, time.min) is not None]


def trading_hours(exchange: str, day: date) -> tuple[datetime, datetime]:
    """When the session of `day` opens and closes, in UTC. Raises KeyError when there is none."""
    closes = _closures(exchange, max(day.year, LAST_YEAR)).get(day, HOURS[exchange].closes)
    if closes is None or day.weekday() >= _SATURDAY or day.year < FIRST_YEAR:
        raise KeyError(f"{exchange} has no session on {day}")
    hours = HOURS[exchange]
    opens_on = day - _DAY if hours.evening_before else day
    opens = datetime.combine(opens_on, hours.opens, hours.zone)
    return opens.astimezone(UTC), datetime.combine(day, closes, hours.zone).astimezone(UTC)


def is_ordinary(exchange: str, day: date) -> bool:
    """Whether the session of `day` has the exchange's ordinary hours; a half day has not, a weekend is no session."""
    return day.weekday() < _SATURDAY and day not in _closures(exchange, max(day.year, LAST_YEAR))


def computed_closures(exchange: str, first_year: int, last_year: int) -> Closures:
    """What exchange_calendars says of these years. Imports it and pandas, and takes about a second."""
    from exchange_calendars import get_calendar

    hours = HOURS[exchange]
    calendar = get_calendar(exchange, start=f"{first_year}-01-01", end=f"{last_year}-12-31")
    closes = {
        day.date(): close.astimezone(hours.zone).time()
        for day, close in zip(calendar.sessions, calendar.closes.dt.to_pydatetime(), strict=True)
    }
    found = ((day, closes.get(day)) for day in _weekdays(first_year, last_year))
    return {day: close for day, close in found if close != hours.closes}


@lru_cache(maxsize=16)
def _closures(exchange: str, until_year: int) -> Closures:
    if until_year > LAST_YEAR:
        return _closures(exchange, LAST_YEAR) | computed_closures(exchange, LAST_YEAR + 1, until_year)
    return _listed()[exchange]


@lru_cache(maxsize=1)
def _listed() -> dict[str, Closures]:
    found: dict[str, Closures] = {exchange: {} for exchange in HOURS}
    for line in files(__package__).joinpath(_CLOSURES).read_text(encoding="utf-8").splitlines()[1:]:
        exchange, day, closes = line.split(",")
        found[exchange][date.fromisoformat(day)] = time.fromisoformat(closes) if closes else None
    return found


def _weekdays(first_year: int, last_year: int) -> Iterator[date]:
    first, after = date(first_year, 1, 1).toordinal(), date(last_year + 1, 1, 1).toordinal()
    return (day for day in map(date.fromordinal, range(first, after)) if day.weekday() < _SATURDAY)


def _as_csv() -> Iterator[str]:
    yield _HEADER
    for exchange in HOURS:
        for day, closes in computed_closures(exchange, FIRST_YEAR, LAST_YEAR).items():
            yield f"{exchange},{day},{closes:%H:%M}" if closes else f"{exchange},{day},"


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in _as_csv())
