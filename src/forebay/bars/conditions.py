"""Which stock trade counts for what in a bar: the vendor's conditions by their consolidated rules, as data.

Source: the vendor's conditions record (data type `trade`, `update_rules.consolidated`) and its notes on how bars are
made of trades. Rules combine by "no wins": a trade counts for something only if every condition on it allows it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
from types import MappingProxyType

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forebay.errors import CheckFailed

NOTHING, HIGH_LOW, OPEN_CLOSE, VOLUME = 0, 1, 2, 4
"""What a trade may update, as bits."""
EVERYTHING = HIGH_LOW | OPEN_CLOSE | VOLUME

_BY_RULE = {
    EVERYTHING: (0, 1, 3, 4, 6, 8, 9, 11, 14, 18, 19, 23, 24, 25, 27, 28, 30, 31, 34, 35, 36, 55),
    HIGH_LOW | VOLUME: (5, 10, 17, 22, 32, 33),
    VOLUME: (2, 7, 12, 13, 20, 21, 29, 37, 52, 53),
    HIGH_LOW | OPEN_CLOSE: (38,),  # a corrected close sets prices; its volume has been counted before
    NOTHING: (15, 16),  # a market's official close and open: marks, not trades
}
_NEUTRAL = (41, 57, 58, 59, 60, *range(62, 72))
"""Flags without rules: they restrict nothing."""

ALLOWS: Mapping[int, int] = MappingProxyType(
    {number: bits for bits, numbers in _BY_RULE.items() for number in numbers} | dict.fromkeys(_NEUTRAL, EVERYTHING)
)
"""A condition's number to what it allows. Numbers that the vendor no longer returns (26, 39, 40, ...) are unknown."""

FORM_T = 12
"""A trade outside the regular hours. It sets no price of a day bar, nor of a minute bar inside the regular hours."""

_NUMBERS = re.compile(r"[0-9]{1,4}(,[0-9]{1,4})*")
_MOST_TEXTS = 10_000
"""Distinct texts in a column of conditions; a day has some hundreds."""


class Unknown(StrEnum):
    """What a condition does that the table does not know."""

    DROP = "drop"
    """The trade counts for nothing."""
    NEUTRAL = "neutral"
    """It restricts nothing."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What one text of the column `conditions` means."""

    regular: int
    """What the trade may update: bits."""
    extended: int
    """The same for bars within a day, before the open and after the close: there Form T does not block prices."""
    reason: str = ""
    """Why the trade is dropped, or what about it was unknown; empty for most."""


def ruling(text: str, unknown: Unknown = Unknown.DROP) -> Ruling:
    """The meaning of numbers with commas between them (`12,37`), in any order; an empty text is a regular trade."""
    if not text:
        return Ruling(EVERYTHING, EVERYTHING)
    if not _NUMBERS.fullmatch(text):
        return Ruling(NOTHING, NOTHING, "unreadable conditions")
    numbers = {int(number) for number in text.split(",")}
    strange = sorted(numbers - ALLOWS.keys())
    reason = f"unknown condition {','.join(map(str, strange))}" if strange else ""
    if strange and unknown is Unknown.DROP:
        return Ruling(NOTHING, NOTHING, reason)
    known = numbers & ALLOWS.keys()
    return Ruling(_all_allow(known), _all_allow(known - {FORM_T}), reason)


def _all_allow(numbers: set[int]) -> int:
    bits = EVERYTHING
    for number in numbers:
        bits &= ALLOWS[number]
    return bits


@dataclass(frozen=True, slots=True)
class Codebook:
    """Texts by number, and what each means."""

    texts: pl.Enum
    rulings: tuple[Ruling, ...]
    regular: NDArray[np.uint8]
    """By number, the bits in the regular hours and in day bars."""
    extended: NDArray[np.uint8]
    """By number, the bits outside them in bars within the day."""


class Rulings:
    """Reads each distinct text of a file once; rows only carry its number. Safe in threads."""

    def __init__(self, unknown: Unknown = Unknown.DROP) -> None:
        self._unknown = unknown
        self._lock = Lock()
        self._book = self._written(("",))

    def read(self, conditions: pl.Series) -> tuple[NDArray[np.uint32], Codebook]:
        """Each row's number in a codebook, and the codebook. Raises CheckFailed for a column of something else."""
        book = self._book
        coded = conditions.cast(book.texts, strict=False)
        if coded.null_count():
            book = self._learn(conditions.filter(coded.is_null()))
            coded = conditions.cast(book.texts)
        return coded.to_physical().to_numpy(), book

    def _learn(self, unread: pl.Series) -> Codebook:
        with self._lock:
            known = self._book.texts.categories.to_list()
            new = sorted(set(unread.unique()) - set(known))
            if len(known) + len(new) > _MOST_TEXTS:
                raise CheckFailed(
                    f"the column conditions has more than {_MOST_TEXTS} different values, such as {new[0]!r}",
                    remedy="it is no file of stock trades; fetch it again or report it to the vendor",
                )
            self._book = self._written((*known, *new))
            return self._book

    def _written(self, texts: tuple[str, ...]) -> Codebook:
        rulings = tuple(ruling(text, self._unknown) for text in texts)
        regular, extended = ([getattr(one, hours) for one in rulings] for hours in ("regular", "extended"))
        return Codebook(pl.Enum(texts), rulings, np.array(regular, np.uint8), np.array(extended, np.uint8))
