"""What is traded, and how its name is spelled: asset classes, option names, the one file-name encoding."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from urllib.parse import unquote


class AssetClass(StrEnum):
    """The vendor's asset classes; also the first half of a table's name."""

    STOCKS = "stocks"
    OPTIONS = "options"
    CRYPTO = "crypto"
    FOREX = "forex"
    INDICES = "indices"
    FUTURES = "futures"


_PREFIXES = {
    "O:": AssetClass.OPTIONS,
    "X:": AssetClass.CRYPTO,
    "C:": AssetClass.FOREX,
    "I:": AssetClass.INDICES,
}
PREFIX_OF = {asset_class: prefix for prefix, asset_class in _PREFIXES.items()}
"""Asset class to the prefix of its tickers; stocks and futures have none."""


def asset_class_of(ticker: str) -> AssetClass:
    """The asset class a ticker's prefix says; no prefix means a stock (vendor README, section 4).

    Futures have no prefix either: `ESZ5` could be a stock. Their class comes from the dataset, never from a ticker.
    """
    return _PREFIXES.get(ticker[:2], AssetClass.STOCKS)


def may_be_of(ticker: str, asset_class: AssetClass) -> bool:
    """Whether a ticker is spelled like one of the class; one without a prefix may be a stock or a future."""
    found = asset_class_of(ticker)
    return found is asset_class or (found is AssetClass.STOCKS and asset_class is AssetClass.FUTURES)


@dataclass(frozen=True, slots=True)
class OptionName:
    """An option ticker taken apart: `O:SPY251219C00650000` is SPY, 2025-12-19, call, 650.0."""

    underlying: str
    expiration: date
    option_type: str
    """`call` or `put`."""
    strike: float


OPTION_PATTERN = r"^O:(.+)([0-9]{2})([0-9]{2})([0-9]{2})([CP])([0-9]{8})$"
"""Groups: root, year, month, day, C or P, strike x 1000. The root may end in a digit (adjusted contracts)."""
_OPTION = re.compile(OPTION_PATTERN)


def parse_option(ticker: str) -> OptionName | None:
    """Take an option ticker apart; None when it is not one."""
    found = _OPTION.fullmatch(ticker)
    if found is None:
        return None
    root, year, month, day, kind, strike = found.groups()
    try:
        expiration = date(2000 + int(year), int(month), int(day))
    except ValueError:
        return None
    return OptionName(root, expiration, "call" if kind == "C" else "put", int(strike) / 1000)


_TAKEN_NAMES = re.compile(
    r"^(con|prn|aux|nul|com\d|lpt\d|lake|archive|quarantine|services|spool|tmp|universe|logs|csv-lzo)(\.|$)",
    re.IGNORECASE,
)


def encode_name(ticker: str) -> str:
    """A ticker as a file or topic name: reversible, and no two tickers share one even where case folds.

    Capitals, digits, `-` and inner dots stay; a small letter gets `_` before it; anything else, and the first
    character of a name that an operating system or Forebay's own folders use, becomes `=` and two hex digits.
    """
    if not ticker:
        raise ValueError("a ticker cannot be empty")
    name = "".join(_encode_char(char) for char in ticker)
    if name.startswith("."):
        name = "=2E" + name[1:]
    if name.endswith("."):
        name = name[:-1] + "=2E"
    if _TAKEN_NAMES.match(ticker):
        name = f"={ord(ticker[0]):02X}" + name.removeprefix("_")[1:]
    return name


def _encode_char(char: str) -> str:
    if char.isascii() and (char.isupper() or char.isdigit() or char in ".-"):
        return char
    if char.isascii() and char.islower():
        return "_" + char
    return "".join(f"={byte:02X}" for byte in char.encode())


def decode_name(name: str) -> str:
    """The ticker that `encode_name` made `name` from."""
    return unquote(name.replace("_", "").replace("=", "%"))
