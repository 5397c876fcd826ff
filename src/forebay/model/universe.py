"""A universe: the tickers of a category as of a date, and what the vendor's reference data say of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Category(StrEnum):
    """What users call a part of the market."""

    US_EQUITIES = "us_equities"
    ETF = "etf"
    CRYPTO = "crypto"
    FX = "fx"
    OPTIONS = "options"
    INDICES = "indices"
    OTC = "otc"


@dataclass(frozen=True, slots=True)
class Listing:
    """One ticker of one company or contract. A ticker that two companies bore in turn is two listings."""

    ticker: str
    """Case-sensitive, as REST spells it."""
    name: str = ""
    type: str = ""
    """The vendor's code: `CS`, `ETF`, `ADRC`; `call` or `put` of an option."""
    exchange: str = ""
    """MIC of the primary exchange, such as `XNAS`."""
    currency: str = ""
    """Upper case."""
    active: bool = True
    figi: str | None = None
    """Composite FIGI; the vendor has none for thousands of tickers."""
    listed: date | None = None
    """First day of trading; None where it is not known."""
    delisted: date | None = None
    """The day from which it is not traded any more (an option: the day after it expires)."""


@dataclass(frozen=True, slots=True)
class Universe:
    """The listings of a category, as of a date, in byte order of their tickers."""

    category: Category
    as_of: date
    listings: tuple[Listing, ...]
    complete: bool = True
    """False when a limit or a filter left some out."""
