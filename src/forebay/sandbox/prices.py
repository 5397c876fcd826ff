"""Prices as a function of time alone: a usual price moved by smooth noise at scales from months to seconds."""

from __future__ import annotations

import numpy as np

from forebay.sandbox.noise import Floats, Ints, Keys, uniform, wave

_DAY = 86_400e9
_MINUTE = 60e9
# (stream, period in days, size in log price): evaluated once a cell, at both ends of its day
_SLOW = ((1, 251.0, 0.20), (2, 61.0, 0.09), (3, 13.0, 0.035), (4, 2.3, 0.012))
# (stream, period in minutes, size in log price): evaluated for every trade
_FAST = ((5, 97.0, 0.0042), (6, 17.0, 0.0018), (7, 2.7, 0.0008))
_YEAR = 365.0
_VOLATILITY = 0.25
"""Yearly, for option prices."""


def slow_log(keys: Keys, days: Floats) -> Floats:
    """The slow part of log price at `days` since 1970."""
    total = np.zeros(len(keys))
    for stream, period, size in _SLOW:
        total += size * wave(keys, days / period, stream)
    return total


def fast_log(keys: Keys, times: Ints) -> Floats:
    """The part of log price that moves within a day, at `times` (ns)."""
    total = np.zeros(len(keys))
    for stream, period, size in _FAST:
        total += size * wave(keys, times / (period * _MINUTE), stream)
    return total


def bounce(keys: Keys, index: Ints, stream: int) -> Floats:
    """The last few hundredths of a percent: prints at the bid, at the ask and between, different for each trade."""
    return 0.0003 * (uniform(keys, index, stream) - 0.5)


def prices_at(keys: Keys, base: Floats, days: Ints, midnight: Ints, cell: Ints, times: Ints) -> Floats:
    """The price at `times`, each in cell `cell`; the other arguments have one element a cell.

    `days` counts from 1970 and `midnight` is the moment (ns) where that day begins.
    """
    whole: Floats = days.astype(np.float64)
    first, last = slow_log(keys, whole), slow_log(keys, whole + 1)
    share = (times - midnight[cell]) / _DAY
    drift = first[cell] + (last - first)[cell] * share
    moved: Floats = base[cell] * np.exp(drift + fast_log(keys[cell], times))
    return moved


def option_value(spot: Floats, strike: Floats, is_call: np.ndarray, days_left: Floats) -> Floats:
    """A smooth stand-in for an option's price: intrinsic value and a bell of time value around the strike."""
    deviation = _VOLATILITY * spot * np.sqrt(np.maximum(days_left, 0.05) / _YEAR)
    intrinsic = np.maximum(np.where(is_call, spot - strike, strike - spot), 0.0)
    value: Floats = intrinsic + 0.4 * deviation * np.exp(-0.5 * ((spot - strike) / deviation) ** 2)
    return value
