"""Gaps: which session dates each symbol lacks. Symbols that lack the same days share one tuple of them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date

from forebay.model.intervals import Interval

Days = tuple[date, ...]
"""Session dates, sorted."""
Gaps = Mapping[str, Days]
"""Symbol to its missing days; no symbol without any. A universe that lacks five years is one tuple, not ten thousand:
work on days is done once for each tuple, and memory grows with what differs."""


def shapes(gaps: Gaps) -> Iterator[tuple[Days, list[str]]]:
    """Each tuple of days with the symbols that share it, in the order of the first of them."""
    shared: dict[int, tuple[Days, list[str]]] = {}
    for symbol, days in gaps.items():
        shared.setdefault(id(days), (days, []))[1].append(symbol)
    yield from shared.values()


def narrowed(gaps: Gaps, cut: Callable[[Days], Days]) -> dict[str, Days]:
    """The gaps with `cut` applied to each tuple of days, in the same order; what is empty then is left out."""
    done: dict[int, Days] = {}
    left: dict[str, Days] = {}
    for symbol, days in gaps.items():
        kept = done.get(id(days))
        if kept is None:
            kept = done[id(days)] = cut(days)
        if kept:
            left[symbol] = kept
    return left


def all_days(gaps: Gaps) -> set[date]:
    """The days that any symbol lacks."""
    return {day for days, _ in shapes(gaps) for day in days}


def missing(days: Days, held: Iterable[Interval]) -> Days:
    """The days that are in no interval of `held`, which are sorted by their starts; `days` itself when all are."""
    left: list[date] = []
    seen = 0
    for interval in held:
        left += days[seen : bisect_left(days, interval.start, seen)]
        seen = bisect_right(days, interval.end, seen)
    return (*left, *days[seen:]) if seen or left else days


def between(days: Sequence[date], first: date | None, after: date | None) -> Days:
    """The days from `first` on and before `after`; None is no bound."""
    start = 0 if first is None else bisect_left(days, first)
    end = len(days) if after is None else bisect_left(days, after)
    return tuple(days[start:end])
