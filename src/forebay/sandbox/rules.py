"""Which stock trade counts for what in a bar: the vendor's conditions, consolidated rules and corrections.

Source: the vendor's conditions page, section 2 (table) and section 3 (from trades to bars). Where that page leaves a
choice, the sandbox takes: corrections 0 and 1 count, 7, 8, 10, 11 and 12 do not; id 13 blocks prices in extended hours;
a bar needs a trade that sets open and close.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FORM_T = 12
ODD_LOT = 37
OFFICIAL_CLOSE, OFFICIAL_OPEN = 15, 16
CORRECTED_CLOSE = 38
COUNTED_CORRECTIONS = (0, 1)

_NO_PRICES = frozenset({2, 7, FORM_T, 13, 20, 21, 29, ODD_LOT, 52, 53})
"""Conditions that let a trade count for volume alone."""
_NO_OPEN_CLOSE = frozenset({5, 10, 17, 22, 32, 33})
"""Conditions that let a trade set high and low, but neither open nor close."""
_NOTHING = frozenset({OFFICIAL_CLOSE, OFFICIAL_OPEN})
_NO_VOLUME = frozenset({CORRECTED_CLOSE})


@dataclass(frozen=True, slots=True)
class Counts:
    """What one trade updates; in a table of trades, one array of booleans each."""

    high_low: NDArray[np.bool_]
    open_close: NDArray[np.bool_]
    volume: NDArray[np.bool_]


def counts_of(conditions: tuple[int, ...], *, extended_minute: bool = False) -> tuple[bool, bool, bool]:
    """(high/low, open/close, volume) for a trade with these conditions: one that says no wins.

    `extended_minute`: for a minute bar outside the regular session, where Form T does not block prices.
    """
    present = {condition for condition in conditions if not (extended_minute and condition == FORM_T)}
    high_low = not present & (_NO_PRICES | _NOTHING)
    open_close = high_low and not present & _NO_OPEN_CLOSE
    return high_low, open_close, not present & (_NOTHING | _NO_VOLUME)


# What the simulated tape prints before Form T and odd lot are added. Index 0 is the regular trade.
OPENING = {1: (17,), 2: (17,), 3: (25,)}
CLOSING = {1: (19,), 2: (19,), 3: (8,)}
"""Auction prints by tape: the CTA tapes (1, 2) and the UTP tape (3) name them differently."""
_RARE = ((10,), (22,), (32,), (2,), (7,), (20,), (21,), (29,), (52,), (53,), (4,), (9,), (41,), (1,), (5,), (34,))
_ROLES = ((17,), (25,), (19,), (8,), (OFFICIAL_OPEN,), (OFFICIAL_CLOSE,), (CORRECTED_CLOSE,))
PREFIXES: tuple[tuple[int, ...], ...] = ((), (14,), (14, 41), *_RARE, *_ROLES)
RARE_FIRST, RARE_COUNT = 3, len(_RARE)


def combination(prefix: int, *, extended: bool, odd: bool) -> tuple[int, ...]:
    """The conditions of a trade, in the order the tape prints them."""
    return (*PREFIXES[prefix], *((FORM_T,) if extended else ()), *((ODD_LOT,) if odd else ()))


COMBINATIONS = tuple(
    combination(prefix, extended=extended, odd=odd)
    for prefix in range(len(PREFIXES))
    for extended in (False, True)
    for odd in (False, True)
)
"""Every list of conditions the tape knows; a trade stores its place in here (prefix x 4 + extended x 2 + odd)."""


def _table(*, extended_minute: bool) -> Counts:
    rows = [counts_of(conditions, extended_minute=extended_minute) for conditions in COMBINATIONS]
    high_low, open_close, volume = (np.array(column) for column in zip(*rows, strict=True))
    return Counts(high_low, open_close, volume)


REGULAR = _table(extended_minute=False)
"""For day bars, and for minute bars inside the regular session."""
EXTENDED = _table(extended_minute=True)
"""For minute bars outside the regular session."""
