"""Which days have a session, and when it begins and ends. Session dates are the exchange's own dates.

Sources: exchange_calendars for the days of New York and of CME Globex; extended hours 04:00-20:00 Eastern and the
forex week from the vendor's pages (README section 3, flat files section 6).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from forebay.model.catalogue import PUBLISHED_BY, Dataset
from forebay.model.exchanges import HOURS, LAST_YEAR, is_ordinary, trading_days, trading_hours

NEW_YORK = ZoneInfo("America/New_York")
_CHICAGO = ZoneInfo("America/Chicago")
_DAY = timedelta(days=1)
_FRIDAY, _SATURDAY, _SUNDAY = 4, 5, 6

_PRE_MARKET = time(4, 0)
_AFTER_HOURS = timedelta(hours=4)
"""Trading goes on this long after the regular close: to 20:00, and to 17:00 on a half day."""
_FOREX_OPENS = _FOREX_CLOSES = time(17, 0)
_GLOBEX_PRE_OPEN, _GLOBEX_CLOSES = time(16, 0), time(17, 0)


@dataclass(frozen=True, slots=True)
class Session:
    """One session date with its bounds, all in UTC; the regular hours equal the whole ones where there are none."""

    day: date
    opens: datetime
    closes: datetime
    regular_opens: datetime
    regular_closes: datetime


def session_days(calendar: str, start: date, end: date) -> list[date]:
    """The session dates from `start` to `end`, both included, sorted.

    Calendars: `XNYS` (New York trading days), `CMES` (trade dates of CME Globex), `forex` (Sunday to Friday), `24/7`.
    Raises KeyError for another name.
    """
    if calendar in HOURS:
        return _exchange_days(calendar, start, end)
    closed = {"24/7": -1, "forex": _SATURDAY}[calendar]
    count = (end - start).days + 1
    days = (start + timedelta(days=index) for index in range(max(count, 0)))
    return [day for day in days if day.weekday() != closed]


def is_full_session(calendar: str, day: date) -> bool:
    """Whether an exchange says that it trades on `day` at its ordinary hours; never where there is no exchange."""
    return calendar in HOURS and is_ordinary(calendar, day)


def session(calendar: str, day: date) -> Session:
    """The bounds of the session on `day`. Raises KeyError when the calendar has no session then."""
    if calendar in HOURS:
        return _exchange_session(calendar, day)
    if not session_days(calendar, day, day):
        raise KeyError(f"{calendar} has no session on {day}")
    opens = datetime.combine(day, time(), UTC)
    closes = opens + _DAY
    if calendar == "forex":
        if day.weekday() == _SUNDAY:
            opens = _at(day, _FOREX_OPENS)
        if day.weekday() == _FRIDAY:
            closes = _at(day, _FOREX_CLOSES)
    return Session(day, opens, closes, opens, closes)


def last_complete_session(calendar: str, now: datetime) -> date:
    """The newest session date whose session, extended hours included, ended at or before `now`."""
    today = now.astimezone(NEW_YORK if calendar == "XNYS" else UTC).date()
    for day in reversed(session_days(calendar, today - timedelta(days=15), today)):
        if session(calendar, day).closes <= now:
            return day
    raise KeyError(f"{calendar} has no session in the fifteen days before {now}")


def published_by(day: date) -> datetime:
    """When the file of `day` is normally there: 11:00 New York time on the day after (flat files, section 6)."""
    return _at(day + _DAY, PUBLISHED_BY)


def day_start(dataset: Dataset, day: date) -> datetime:
    """The first instant of a session date in the dataset's zone, in UTC."""
    return datetime.combine(day, time(), ZoneInfo(dataset.timezone)).astimezone(UTC)


def trade_date_bounds(day: date) -> tuple[datetime, datetime]:
    """Between which instants, in UTC, CME Globex may trade for the trade date `day`: the second one is outside.

    It ends at 17:00 Chicago time, and begins on the evening before, or before the weekend, once the pre-open of 16:00
    is there. A holiday with a short session may be part of the trade date after it, and is not looked at.
    """
    before = session_days("CMES", day - 7 * _DAY, day - _DAY)
    ordinary = [each for each in before if session("CMES", each).closes == _chicago(each, _GLOBEX_CLOSES)]
    return _chicago(ordinary[-1] if ordinary else day - _DAY, _GLOBEX_PRE_OPEN), _chicago(day, _GLOBEX_CLOSES)


def _chicago(day: date, hour: time) -> datetime:
    return datetime.combine(day, hour, _CHICAGO).astimezone(UTC)


def _at(day: date, hour: time) -> datetime:
    return datetime.combine(day, hour, NEW_YORK).astimezone(UTC)


def _exchange_days(calendar: str, start: date, end: date) -> list[date]:
    if end < start:
        return []
    days = trading_days(calendar, max(end.year, LAST_YEAR))
    return days[bisect_left(days, start) : bisect_right(days, end)]


def _exchange_session(name: str, day: date) -> Session:
    opens, closes = trading_hours(name, day)
    if name == "CMES":  # a trade date begins at 17:00 Chicago time of the evening before; there is no outside
        return Session(day, opens, closes, opens, closes)
    return Session(day, _at(day, _PRE_MARKET), closes + _AFTER_HOURS, opens, closes)
