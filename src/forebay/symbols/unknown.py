"""Tickers that do not exist, told apart from those without trades, and those that a list left out from the delisted."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from forebay.errors import NotKnown
from forebay.model.instrument import AssetClass, asset_class_of, parse_option
from forebay.model.universe import Listing, Universe
from forebay.symbols.listing_rows import contract_listing, listing_of
from forebay.symbols.universes import Universes
from forebay.vendor.rest import RestClient

_OTC = "otc"


def unknown_tickers(
    rest: RestClient, universes: Universes, tickers: Collection[str], today: date, *, at_most: int = 20
) -> tuple[str, ...]:
    """Those of `tickers` that the vendor knows nothing of, in byte order; what it says of the others is remembered.

    Only tickers that are not in the universe table are asked for, and of those `at_most`: each costs one call, and up
    to three when it was renamed, has left or never was. Raises VendorError.
    """
    strange = sorted(set(tickers) - universes.lifetimes(tickers).keys(), key=str.encode)
    return tuple(ticker for ticker in strange[:at_most] if not _learn(rest, universes, ticker, today))


def look_up_absent(rest: RestClient, universes: Universes, found: Universe, today: date, *, at_most: int = 20) -> None:
    """Ask by name for those that `found`, a complete list, was the first to leave out: it is all that says they left.

    A type may have changed, and a list may have a hole; a ticker taken for delisted would not be asked for any more.
    Each costs one call, and up to three when it did leave. Raises VendorError.
    """
    for ticker in universes.absent(found)[:at_most]:
        _learn(rest, universes, ticker, today)


def _learn(rest: RestClient, universes: Universes, ticker: str, today: date) -> bool:
    """Ask for one ticker; whether the vendor knows it."""
    for ask in (_bearer, _former_bearers, _former_names):
        try:
            found = ask(rest, ticker, today)
        except NotKnown:
            continue
        if found:
            universes.learn(found, today)
            return True
    return False


Found = list[tuple[Listing, bool]]
"""Listings, and whether each is over the counter."""


def _bearer(rest: RestClient, ticker: str, today: date) -> Found:
    """Who bears it now; an option is asked for as of its last day."""
    option = parse_option(ticker)
    if option:
        contract = rest.contract(ticker, min(option.expiration, today))
        return [(contract_listing(contract, today), False)]
    row = rest.ticker(ticker)
    return [(listing_of(row), row.market == _OTC)]


def _former_bearers(rest: RestClient, ticker: str, _: date) -> Found:
    if asset_class_of(ticker) is not AssetClass.STOCKS:
        return []
    rows = [row for market in ("stocks", _OTC) for row in rest.tickers(market, active=False, ticker=ticker)]
    return [(listing_of(row), row.market == _OTC) for row in rows]


def _former_names(rest: RestClient, ticker: str, _: date) -> Found:
    """Whoever has another name now bore this one until the next name began."""
    names = rest.names(ticker)
    ends = [first for first, _ in names[1:]]
    return [
        (Listing(ticker, active=False, listed=first, delisted=end), False)
        for (first, name), end in zip(names, ends, strict=False)
        if name == ticker
    ]
