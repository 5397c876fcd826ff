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
from forebay.orchestration.gaps import Days, Gaps, between, missing, touched
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
    whole = coming.get(ALL_SYMBOLS, ())
    ranges: dict[str, dict[Interval, Days]] = {}
    left: dict[str, Days] = {}
    for symbol, days in gaps.items():
        own = coming.get(symbol, ())
        shared = () if symbol in otc or symbol == ALL_SYMBOLS else whole
        for owner, intervals in ((symbol, own), (ALL_SYMBOLS, shared)):
            for one in touched(days, intervals):
                ranges.setdefault(owner, {})[one] = between(days, one.start, one.end + _DAY)
        rest = missing(days, sorted((*own, *shared)))
        if rest:
            left[symbol] = rest
    return Queued(ranges, left)


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
