"""A universe: the tickers of a category as of a date, and what the vendor's reference data say of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
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


@dataclass(frozen=True, slots=True)
class Lifetime:
    """From when to when a ticker was traded, by whomever it was borne."""

    listed: date | None = None
    """First day of trading; None where it is not known: ask from the beginning."""
    delisted: date | None = None
    """The day from which it is not traded any more; None while it is, and where that is not known."""
    otc: bool = False
    """Traded over the counter, now or once: neither flat files nor grouped day bars have all of it."""


def byte_order(listing: Listing) -> tuple[bytes, date, bytes]:
    """Sorts listings by the bytes of their tickers, as the vendor's files are; of two bearers the earlier first."""
    return listing.ticker.encode(), listing.delisted or date.max, (listing.figi or "").encode()


def united(listings: Iterable[Listing]) -> tuple[Listing, ...]:
    """One listing for each ticker, in byte order: the last bearer's, over the time of all its bearers."""
    bearers: dict[str, list[Listing]] = {}
    for listing in listings:
        bearers.setdefault(listing.ticker, []).append(listing)
    return tuple(sorted((_one_of(several) for several in bearers.values()), key=byte_order))


def _one_of(bearers: Sequence[Listing]) -> Listing:
    span = lifetime(bearers)
    return replace(max(bearers, key=byte_order), listed=span.listed, delisted=span.delisted)


def lifetime(bearers: Iterable[Listing], *, otc: bool = False) -> Lifetime:
    """From the first bearer's first day to the last one's last; not known as soon as one of them is not."""
    starts, ends = zip(*((one.listed, one.delisted) for one in bearers), strict=True)
    known = [day for day in starts if day], [day for day in ends if day]
    return Lifetime(
        listed=min(known[0]) if len(known[0]) == len(starts) else None,
        delisted=max(known[1]) if len(known[1]) == len(ends) else None,
        otc=otc,
    )
