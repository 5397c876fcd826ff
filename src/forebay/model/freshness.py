"""What a copy lacks of its original: dates that it never had, and those that were recorded anew since."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

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
    parts: list[Interval] = []
    for mark in copy:
        newer = [one.dates for one in original if one.checked_at > mark.checked_at]
        parts += subtract([mark.dates], newer) if newer else [mark.dates]
    return union(parts)


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
