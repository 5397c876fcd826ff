"""When jobs are due, by APScheduler's triggers; nothing else of that library is used."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

from forebay.errors import UsageError
from forebay.model.calendar import NEW_YORK, session, session_days

NextRun = Callable[[datetime], datetime]
"""The first run after a moment. Both UTC."""

_HOUR = 60
_LONGEST_BREAK = timedelta(days=15)
"""No calendar is closed for as long."""


def daily(at: time) -> NextRun:
    """Every day at a time of UTC."""
    return _cron(hour=at.hour, minute=at.minute)


def every_minutes(minutes: int) -> NextRun:
    """At every hour of UTC and each `minutes` (1 to 60) after it: every daemon finds the same ones."""
    return _cron(minute=0 if minutes == _HOUR else f"*/{minutes}")


def in_sessions(calendar: str, ticks: NextRun) -> NextRun:
    """Those of `ticks` that lie in the regular hours of a session, both ends included."""

    def after(moment: datetime) -> datetime:
        found = ticks(moment)
        day = found.astimezone(NEW_YORK).date()
        hours = [session(calendar, each) for each in session_days(calendar, day, day + _LONGEST_BREAK)]
        ends = [each.regular_closes for each in hours]
        coming = hours[bisect_left(ends, found)]
        if coming.regular_opens <= found:
            return found
        return ticks(coming.regular_opens - timedelta(microseconds=1))

    return after


def _cron(**fields: int | str) -> NextRun:
    try:
        from apscheduler.triggers.cron import CronTrigger
    except ModuleNotFoundError as error:
        raise UsageError(
            "a daemon needs APScheduler, which is not installed",
            remedy="install it: pip install 'forebay[service]'",
        ) from error
    trigger = CronTrigger(second=0, timezone=UTC, **fields)

    def after(moment: datetime) -> datetime:
        found: datetime = trigger.get_next_fire_time(moment, moment)
        return found.astimezone(UTC)

    return after
