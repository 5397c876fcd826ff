"""What a copy lacks of its original: dates that it never had, and those that were recorded anew since."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from forebay.model.coverage import Verdict
from forebay.model.intervals import Interval, subtract, union


@dataclass(frozen=True, slots=True)
class Mark:
    """When a stretch of session dates was recorded as held, and as what."""

    dates: Interval
    checked_at: datetime
    verdict: Verdict
    rows: int | None


def fresh(original: Collection[Mark], copy: Iterable[Mark]) -> list[Interval]:
    """The dates that the copy has as the original has them now."""
    reach = _Reach(original)
    parts: list[Interval] = []
    for mark in copy:
        newer = [one.dates for one in reach.of(mark.dates) if one.checked_at > mark.checked_at]
        parts += subtract([mark.dates], newer) if newer else [mark.dates]
    return union(parts)


class _Reach:
    """Marks by the dates they touch: years of single days on both sides must not be compared each with each."""

    def __init__(self, marks: Iterable[Mark]) -> None:
        self._marks = sorted(marks, key=lambda mark: mark.dates)
        self._starts = [mark.dates.start for mark in self._marks]
        self._ends = list(accumulate((mark.dates.end for mark in self._marks), max))

    def of(self, dates: Interval) -> Sequence[Mark]:
        """Those that touch `dates`, and perhaps others beside them."""
        return self._marks[bisect_left(self._ends, dates.start) : bisect_right(self._starts, dates.end)]


def due(original: Collection[Mark], copy: Iterable[Mark]) -> list[Interval]:
    """The dates that the original has and the copy has not, or no longer as they are now."""
    return subtract([mark.dates for mark in original], fresh(original, copy))


def common(some: Iterable[Interval], others: Iterable[Interval]) -> list[Interval]:
    """The dates that are in both, sorted."""
    others = union(others)
    return [
        Interval(max(one.start, other.start), min(one.end, other.end))
        for one in union(some)
        for other in others
        if one.start <= other.end and other.start <= one.end
    ]
