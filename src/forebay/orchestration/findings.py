"""Verdicts that planning itself settles: what cannot be fetched now, and why."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from forebay.model.calendar import published_by
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Partition, Source
from forebay.orchestration.gaps import Days
from forebay.orchestration.wanted import Wish

LATE = timedelta(days=7)
"""A file that is not listed so long after its hour is called missing, not pending; it is still taken when it comes."""


def not_listed(wish: Wish, day: date, now: datetime) -> Coverage:
    """A wanted day whose file the vendor does not list: pending, and missing once it is late."""
    due = published_by(day)
    verdict = Verdict.MISSING_UPSTREAM if now > due + LATE else Verdict.PENDING_UPSTREAM
    reason = f"{wish.dataset.key(day)} is not in the vendor's listing; " + (
        f"it was due by {due:%Y-%m-%d %H:%M} UTC" if now > due else f"it is due by {due:%Y-%m-%d %H:%M} UTC"
    )
    partition = Partition(wish.dataset.table, ALL_SYMBOLS, Interval(day, day))
    return Coverage(partition, wish.destination, Source.FLATFILE, verdict, Evidence(reason=reason), now)


def in_no_file(wish: Wish, symbol: str, days: Days, now: datetime) -> Coverage:
    """An OTC ticker's days where only files may be taken. Recorded as REST's, which replaces it when it comes."""
    partition = Partition(wish.dataset.table, symbol, Interval(days[0], days[-1]))
    reason = f"{symbol} is traded over the counter: no flat file holds it, and REST is not to be asked"
    evidence = Evidence(reason=reason)
    return Coverage(partition, wish.destination, Source.REST, Verdict.MISSING_UPSTREAM, evidence, now)
