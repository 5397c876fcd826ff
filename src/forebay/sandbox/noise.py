"""Random numbers by position instead of by order: the same (key, counter) always gives the same number.

That makes every trade a pure function of (seed, instrument, date, index), so any date costs the same to compute.
Arrays only: NumPy's scalar integers warn where its arrays wrap.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MULTIPLY_1 = np.uint64(0xBF58476D1CE4E5B9)
_MULTIPLY_2 = np.uint64(0x94D049BB133111EB)
_TO_UNIT = 2.0**-53


def key_of(*parts: object) -> int:
    """A 64-bit key for a few words and numbers."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def mix(values: Keys) -> Keys:
    """Scatter 64-bit integers: neighbours become unrelated (the finaliser of SplitMix64)."""
    values = values + _STEP
    values = (values ^ (values >> np.uint64(30))) * _MULTIPLY_1
    values = (values ^ (values >> np.uint64(27))) * _MULTIPLY_2
    return values ^ (values >> np.uint64(31))


def spread(keys: Keys, counters: Ints, stream: int) -> Keys:
    """One key per counter; another `stream` gives unrelated numbers for the same counters."""
    return mix(keys ^ mix(counters.astype(np.uint64) * np.uint64(64) + np.uint64(stream)))


def unit(keys: Keys) -> Floats:
    """Uniform numbers in [0, 1)."""
    return (keys >> np.uint64(11)).astype(np.float64) * _TO_UNIT


def uniform(keys: Keys, counters: Ints, stream: int) -> Floats:
    """Uniform numbers in [0, 1), one per counter."""
    return unit(spread(keys, counters, stream))


def wave(keys: Keys, position: Floats, stream: int) -> Floats:
    """A smooth random curve in [-1, 1] that passes a new random value at every whole position."""
    left = np.floor(position)
    share = position - left
    share = share * share * (3.0 - 2.0 * share)
    whole = left.astype(np.int64)
    before = uniform(keys, whole, stream)
    after = uniform(keys, whole + 1, stream)
    return 2.0 * (before + (after - before) * share) - 1.0
