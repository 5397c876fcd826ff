"""Whether a snapshot can be believed: a verdict and its reasons, never an exception."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain
from math import isfinite
from zoneinfo import ZoneInfo

from forebay.model.calendar import Session, session, session_days
from forebay.model.catalogue import Dataset
from forebay.model.instrument import AssetClass
from forebay.model.snapshot import Judged, Prices, Snapshot, SnapshotVerdict, days_of

PATIENCE = timedelta(minutes=15)
"""So long may a ticker be silent in the regular session before its snapshot is called stale."""
_SKEW = timedelta(minutes=2)
"""So far may the vendor's clock be ahead of ours."""
_BACK = timedelta(days=15)

Reason = tuple[SnapshotVerdict, str]


@dataclass(frozen=True, slots=True)
class Expected:
    """What the plan is known to show of a class."""

    trade: bool = False
    quote: bool = False


def judge(snapshot: Snapshot, expected: Expected) -> Judged:
    """The gravest of what speaks against a snapshot at the moment it was asked for, with every reason."""
    if snapshot.fault:
        return Judged(snapshot.ticker, SnapshotVerdict.SUSPECT, (snapshot.fault,), snapshot)
    found = list(chain(_contradictions(snapshot), _missing(snapshot, expected), _age(snapshot)))
    order = list(SnapshotVerdict)
    verdict = max((each for each, _ in found), key=order.index, default=SnapshotVerdict.GOOD)
    return Judged(snapshot.ticker, verdict, tuple(why for _, why in found), snapshot)


def absent(ticker: str, asset_class: AssetClass, seen: datetime) -> Judged:
    """The verdict on a ticker of which the vendor says nothing; before the market opens it need not say anything.

    `seen` is the moment that the plan's data are of.
    """
    hours = _Hours(days_of(asset_class), seen)
    if hours.begun is None or hours.begun.day != hours.today:
        return Judged(ticker, SnapshotVerdict.EMPTY, (f"no snapshot on {hours.today} yet",), None)
    why = "the vendor has no snapshot of it: unknown (capitals count), delisted, or not traded today"
    return Judged(ticker, SnapshotVerdict.ABSENT, (why,), None)


def _contradictions(snapshot: Snapshot) -> Iterator[Reason]:
    for name in ("day", "minute", "previous"):
        prices = getattr(snapshot, name)
        if prices is not None and not _agrees(prices):
            told = f"open {prices.open}, high {prices.high}, low {prices.low}, close {prices.close}"
            yield SnapshotVerdict.SUSPECT, f"the {name}'s prices contradict each other: {told}"
    moment = snapshot.moment
    if moment is not None and moment > snapshot.asked_at + _SKEW:
        yield SnapshotVerdict.SUSPECT, f"it is of {_said(moment)}, after it was asked for"


def _agrees(prices: Prices) -> bool:
    numbers = (prices.open, prices.high, prices.low, prices.close)
    whole = all(isfinite(number) for number in numbers) and min(numbers) == prices.low and max(numbers) == prices.high
    volume = prices.volume or 0.0
    return whole and isfinite(volume) and volume >= 0 and all(numbers)


def _missing(snapshot: Snapshot, expected: Expected) -> Iterator[Reason]:
    if snapshot.day is None or snapshot.otc:  # nothing traded yet, or not where it would be shown
        return
    if expected.trade and snapshot.trade is None:
        yield SnapshotVerdict.INCOMPLETE, "it has no last trade, and the plan shows them"
    if expected.quote and snapshot.quote is None:
        yield SnapshotVerdict.INCOMPLETE, "it has no last quote, and the plan shows them"


def _age(snapshot: Snapshot) -> Iterator[Reason]:
    """Silence is measured against regular hours: before and after them most tickers do not trade for long."""
    hours = _Hours(snapshot.dataset, snapshot.asked_at - snapshot.delay)
    begun, today = hours.begun, hours.today
    if snapshot.day is None:
        if begun is None or begun.day != today:
            yield SnapshotVerdict.EMPTY, f"no price of {today} yet"
        else:
            yield SnapshotVerdict.STALE, f"no price of {today}, whose session began at {_said(begun.regular_opens)}"
        return
    moment = snapshot.moment
    if moment is None:
        yield SnapshotVerdict.SUSPECT, "it does not say when it is of"
    elif begun is not None and moment < begun.opens:
        yield SnapshotVerdict.STALE, f"it is of {_said(moment)}, before the session of {begun.day}"
    elif begun is not None and hours.seen <= begun.regular_closes and hours.seen - moment > PATIENCE:
        yield SnapshotVerdict.STALE, f"it is of {_said(moment)}, and the session of {begun.day} goes on"


@dataclass(frozen=True, slots=True)
class _Hours:
    """Where a market is in its days at the moment that its data are of."""

    dataset: Dataset
    seen: datetime

    @property
    def today(self) -> date:
        """Its date then."""
        return self.seen.astimezone(ZoneInfo(self.dataset.timezone)).date()

    @property
    def begun(self) -> Session | None:
        """The newest session whose regular hours had gone on for a while."""
        calendar = self.dataset.calendar
        for day in reversed(session_days(calendar, self.today - _BACK, self.today)):
            found = session(calendar, day)
            if found.regular_opens + PATIENCE <= self.seen:
                return found
        return None


def _said(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
