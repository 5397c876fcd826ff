"""Where an axis has its marks, and what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from math import ceil, floor, log10
from operator import attrgetter

_PRICES = 6
"""Marks of prices, about."""
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_DECIMALS = ((1000.0, 2), (1.0, 4), (0.001, 6))
"""From a price on: the decimals that are worth showing."""
_FINEST = 10
_UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of an axis."""

    at: float
    label: str


def price_text(price: float) -> str:
    """A price with two decimals at least, and those that it has: `182.10`, `0.0001`."""
    decimals = next((places for least, places in _DECIMALS if abs(price) >= least), _FINEST)
    whole, _, part = f"{price:,.{decimals}f}".partition(".")
    return f"{whole}.{part.rstrip('0').ljust(2, '0')}"


def volume_text(volume: float) -> str:
    """A volume in three or four figures: `1.23M`."""
    for unit, letter in _UNITS:
        if volume >= unit:
            return f"{volume / unit:.3g}{letter}" if volume < unit * 999.5 else f"{volume / unit:,.0f}{letter}"
    return f"{volume:.4g}"


def price_ticks(low: float, high: float) -> Iterator[tuple[float, str]]:
    """Round prices between two, and how they are written, from below."""
    step, decimals = _round_step((high - low) / _PRICES)
    for number in range(ceil(low / step), floor(high / step) + 1):
        yield number * step, f"{number * step:,.{decimals}f}"


def _round_step(least: float) -> tuple[float, int]:
    """The smallest round step that is no less, and the decimals that it has."""
    power = floor(log10(least))
    step = next((step for step in _STEPS if step * 10.0**power >= least), _STEPS[-1])
    return step * 10.0**power, max(0, (step % 1 > 0) - power)


_Key = Callable[[datetime], object]


@dataclass(frozen=True, slots=True)
class _Grain:
    """How finely times are marked: wherever `key` changes."""

    key: _Key
    form: str
    at_turn: str = ""
    """What stands instead where the larger unit turns, too."""
    turn: _Key = attrgetter("year")


def _minutes(every: int) -> _Grain:
    return _Grain(
        lambda moment: (moment.date(), (moment.hour * 60 + moment.minute) // every),
        "%H:%M",
        "%-d %b",
        lambda moment: moment.date(),
    )


def _years(every: int) -> _Grain:
    return _Grain(lambda moment: moment.year // every, "%Y")


_GRAINS = (
    *(_minutes(every) for every in (1, 5, 15, 30, 60, 120, 240)),
    _Grain(lambda moment: moment.date(), "%-d %b", "%-d %b %Y"),
    _Grain(lambda moment: moment.isocalendar()[:2], "%-d %b", "%-d %b %Y"),
    _Grain(lambda moment: (moment.year, moment.month), "%b", "%Y"),
    _Grain(lambda moment: (moment.year, (moment.month - 1) // 3), "%b", "%Y"),
    *(_years(every) for every in (1, 2, 5, 10, 25)),
)
"""The finest first."""


def time_ticks(moments: Sequence[tuple[float, datetime]], most: int, room: float) -> Iterator[Tick]:
    """At most `most` marks for bars at these places, `room` apart at least, as fine as that allows."""
    for grain in _GRAINS:
        found = list(_changes(grain, moments))
        if len(found) <= most:
            break
    last = -room
    for at, label in found or [(at, f"{moment:%-d %b %Y}") for at, moment in moments[:1]]:
        if at - last >= room * 0.6:
            yield Tick(round(at, 2), label)
            last = at


def _changes(grain: _Grain, moments: Sequence[tuple[float, datetime]]) -> Iterator[tuple[float, str]]:
    for (_, before), (at, moment) in pairwise(moments):
        if grain.key(before) != grain.key(moment):
            turns = grain.at_turn and grain.turn(before) != grain.turn(moment)
            yield at, format(moment, grain.at_turn if turns else grain.form)
