"""Interval algebra over dates: what is wanted minus what is covered. Both ends of an interval are inclusive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """The dates from `start` to `end`, both included. Raises ValueError when they are reversed."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"an interval cannot end ({self.end}) before it starts ({self.start})")

    def __contains__(self, day: date) -> bool:
        return self.start <= day <= self.end

    @property
    def days(self) -> int:
        """Calendar days in it."""
        return (self.end - self.start).days + 1


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """The same dates as few intervals, sorted; neighbours that touch become one."""
    merged: list[Interval] = []
    for interval in sorted(intervals):
        if merged and interval.start <= merged[-1].end + _DAY:
            merged[-1] = Interval(merged[-1].start, max(merged[-1].end, interval.end))
        else:
            merged.append(interval)
    return merged


def subtract(wanted: Iterable[Interval], covered: Iterable[Interval]) -> list[Interval]:
    """The dates of `wanted` that are in no interval of `covered`, sorted: the gaps."""
    holes = union(covered)
    gaps: list[Interval] = []
    for interval in union(wanted):
        start = interval.start
        for hole in holes:
            if hole.end < start or hole.start > interval.end:
                continue
            if hole.start > start:
                gaps.append(Interval(start, hole.start - _DAY))
            start = hole.end + _DAY
        if start <= interval.end:
            gaps.append(Interval(start, interval.end))
    return gaps


def runs(days: Iterable[date], among: Sequence[date]) -> list[Interval]:
    """Group `days` into intervals that are unbroken in `among`, a sorted calendar of sessions.

    Friday and Monday are one run in a calendar without weekends.
    """
    place = {day: index for index, day in enumerate(among)}
    grouped: list[Interval] = []
    previous = -2
    for day in sorted(days):
        if grouped and place[day] == previous + 1:
            grouped[-1] = Interval(grouped[-1].start, day)
        else:
            grouped.append(Interval(day, day))
        previous = place[day]
    return grouped
