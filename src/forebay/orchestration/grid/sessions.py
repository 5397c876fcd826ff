"""A calendar's session dates as places in a row: intervals become pairs of numbers."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from itertools import groupby

from forebay.model.calendar import session_days

Span = tuple[int, int]
"""The first and the last place, both included; nothing where the last comes before the first."""


@dataclass(frozen=True, eq=False)
class Sessions:
    """Session dates in order, and where each of them stands. Equal to itself alone."""

    days: Sequence[date]
    texts: Sequence[str]
    """The same as ISO 8601 writes them, which sort alike."""
    place: Mapping[str, int]

    def span(self, start: str, end: str) -> Span:
        """The places of the sessions from one date to another, both included."""
        first = self.place.get(start)
        if start == end and first is not None:
            return first, first
        return bisect_left(self.texts, start) if first is None else first, bisect_right(self.texts, end) - 1

    @cached_property
    def months(self) -> Sequence[tuple[str, Span]]:
        """Each month that has a session, `2026-03`, with its places."""
        found: list[tuple[str, Span]] = []
        for month, texts in groupby(self.texts, key=lambda text: text[:7]):
            first = found[-1][1][1] + 1 if found else 0
            found.append((month, (first, first + sum(1 for _ in texts) - 1)))
        return found


@lru_cache(maxsize=64)
def sessions_between(calendar: str, first: date, last: date) -> Sessions:
    """The sessions of a calendar from `first` to `last`, both included."""
    days = session_days(calendar, first, last)
    texts = [day.isoformat() for day in days]
    return Sessions(days, texts, {text: place for place, text in enumerate(texts)})


def joined(spans: Sequence[Span]) -> tuple[Span, ...]:
    """The same places in as few spans, in order."""
    found: list[Span] = []
    for first, last in sorted(spans):
        if last < first:
            continue
        if found and first <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(found[-1][1], last)
        else:
            found.append((first, last))
    return tuple(found)
