"""What unfinished REST tasks will bring: it is not asked for by another task, whatever range that would have."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from forebay.model.catalogue import Dataset
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS
from forebay.model.task import TaskDraft
from forebay.orchestration.chunks import fetch_draft, requests
from forebay.orchestration.gaps import Days, Gaps, all_days, between, missing, narrowed
from forebay.orchestration.plan import Calls
from forebay.orchestration.wanted import Wish

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Queued:
    """Ranges of unfinished tasks that hold gap days, and the gaps that no task will close."""

    ranges: Mapping[str, Mapping[Interval, Days]]
    """Symbol to its tasks' ranges, each with the days that are wanted of it."""
    open: Gaps

    @property
    def days(self) -> set[date]:
        """The days that are coming, for any symbol."""
        return {day for ranges in self.ranges.values() for days in ranges.values() for day in days}


def split(gaps: Gaps, coming: Mapping[str, Sequence[Interval]], otc: Collection[str]) -> Queued:
    """Set aside the days of `gaps` that lie in `coming`, the ranges of unfinished tasks by symbol.

    What comes for the whole market comes for every symbol but OTC tickers.
    """
    if not coming:
        return Queued({}, gaps)
    ranges: dict[str, dict[Interval, Days]] = {}
    left = _without_whole(gaps, coming.get(ALL_SYMBOLS, ()), otc, ranges)
    for symbol, days in left.items():
        if found := _inside(days, coming.get(symbol, ())):
            ranges[symbol] = found
            left[symbol] = missing(days, coming[symbol])
    return Queued(ranges, {symbol: days for symbol, days in left.items() if days})


def _without_whole(
    gaps: Gaps, whole: Sequence[Interval], otc: Collection[str], ranges: dict[str, dict[Interval, Days]]
) -> dict[str, Days]:
    """The gaps without what comes for the whole market, whose ranges are noted."""
    market = {symbol: days for symbol, days in gaps.items() if symbol not in otc and symbol != ALL_SYMBOLS}
    found = _inside(tuple(sorted(all_days(market))), whole) if whole else {}
    if not found:
        return dict(gaps)
    ranges[ALL_SYMBOLS] = found
    coming = {day for days in found.values() for day in days}
    left = narrowed(market, lambda days: tuple(day for day in days if day not in coming))
    return {symbol: left.get(symbol, ()) if symbol in market else days for symbol, days in gaps.items()}


def _inside(days: Days, intervals: Sequence[Interval]) -> dict[Interval, Days]:
    """Those of `intervals` that hold any of `days`, each with them."""
    found = {one: between(days, one.start, one.end + _DAY) for one in intervals}
    return {one: inside for one, inside in found.items() if inside}


def queued_calls(dataset: Dataset, queued: Queued) -> Calls:
    """What the queued tasks take still."""
    least = most = 0
    for symbol, ranges in queued.ranges.items():
        for days in ranges.values():
            least += 1
            most += 1 if symbol == ALL_SYMBOLS else sum(one.pages for one in requests(dataset, days))
    return Calls(least, most)


def queued_drafts(wish: Wish, queued: Queued) -> Iterator[TaskDraft]:
    """The same tasks as drafts: adding them lets those that failed begin again at once."""
    for symbol, ranges in queued.ranges.items():
        for dates in ranges:
            yield fetch_draft(wish.dataset, symbol, dates, wish.destination)
