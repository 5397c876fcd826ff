"""Asks the vendor who is listed: pages until everybody is there, or as many as were asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from heapq import merge
from itertools import chain, product

from structlog import get_logger

from forebay.errors import PageRejected
from forebay.model.universe import Category, Listing, Universe, byte_order
from forebay.symbols.categories import CATEGORIES
from forebay.symbols.discovery import Discovery
from forebay.symbols.listing_rows import contract_listing, is_ticker, listing_of
from forebay.vendor.rest import RestClient

log = get_logger()

Dated = tuple[Listing, str]
"""A listing, and when the vendor last touched it (ISO, UTC)."""
_PAGE = 1000
"""Rows that the vendor puts on a page at most."""


def discover(rest: RestClient, wanted: Discovery, today: date) -> Universe:
    """The universe that `wanted` describes; `today` is the date in New York.

    Raises VendorError; PageRejected too when nobody at all is listed in a whole category, which cannot be.
    """
    streams = _contracts(rest, wanted, today) if wanted.category is Category.OPTIONS else _tickers(rest, wanted, today)
    if wanted.search:  # the vendor then sorts as it likes
        rows: Iterable[Dated] = sorted(chain.from_iterable(streams), key=_place)
    else:
        rows = merge(*streams, key=_place)
    listings = tuple(sorted(_newest(_first(rows, wanted.limit)), key=byte_order))
    cut = wanted.limit is not None and len({listing.ticker for listing in listings}) == wanted.limit
    if not wanted.filtered and not listings:
        raise PageRejected(f"the vendor lists nobody in {wanted.category} as of {wanted.as_of}", remedy="Try again.")
    return Universe(wanted.category, wanted.as_of, listings, complete=not (wanted.filtered or cut))


def _tickers(rest: RestClient, wanted: Discovery, today: date) -> Iterator[Iterator[Dated]]:
    """One stream for each type, listed and delisted apart: so the vendor's list has them."""
    filters = CATEGORIES[wanted.category]
    more = {"limit": _page_size(wanted)}
    more |= {name: value for name in ("exchange", "search") if (value := getattr(wanted, name))}
    on = wanted.as_of if wanted.as_of < today else None
    states = (True, False) if wanted.delisted and filters.lists_delisted else (True,)
    for kind, active in product(wanted.types or (None,), states):
        rows = rest.tickers(filters.market, active=active, on=on, kind=kind, **more)
        yield ((listing_of(row), row.last_updated_utc or "") for row in rows if _known(row.ticker))


def _contracts(rest: RestClient, wanted: Discovery, today: date) -> Iterator[Iterator[Dated]]:
    """One stream for each underlying, listed and expired apart."""
    bounds = {"expiration_date.gte": wanted.expires_from, "expiration_date.lte": wanted.expires_to}
    more = {"limit": _page_size(wanted)} | {name: day.isoformat() for name, day in bounds.items() if day}
    on = wanted.as_of if wanted.as_of < today else None
    states = (False, True) if wanted.delisted else (False,)
    for underlying, expired in product(wanted.underlying or ("",), states):
        named = {"underlying_ticker": underlying.removeprefix("I:")} if underlying else {}
        rows = rest.contracts(on, expired=expired, **more, **named)
        yield ((contract_listing(row, wanted.as_of), "") for row in rows if _known(row.ticker))


def _page_size(wanted: Discovery) -> str:
    """No more than is wanted; what a search finds must be there as a whole before it can be sorted."""
    return str(min(wanted.limit or _PAGE, _PAGE) if not wanted.search else _PAGE)


def _known(ticker: str) -> bool:
    if not is_ticker(ticker):
        log.warning("no_ticker", listed=repr(ticker)[:60])
        return False
    return True


def _place(row: Dated) -> bytes:
    return row[0].ticker.encode()


def _first(rows: Iterable[Dated], limit: int | None) -> Iterator[Dated]:
    """The rows of the first `limit` tickers; the page after them is not asked for."""
    seen: set[str] = set()
    for row in rows:
        seen.add(row[0].ticker)
        if len(seen) % _PAGE == 0:  # at five calls a minute it takes a while
            log.info("listed", tickers=len(seen))
        yield row
        if len(seen) == limit:
            return


def _newest(rows: Iterable[Dated]) -> Iterator[Listing]:
    """The vendor may list a ticker twice, touched at different times: one company bears it now, several did before."""
    newest: dict[tuple[str, str], Dated] = {}
    for row in rows:
        listing, touched = row
        bearer = "" if listing.active else listing.figi or str(listing.delisted)
        held = newest.get((listing.ticker, bearer))
        if held is None or held[1] <= touched:
            newest[listing.ticker, bearer] = row
    return (listing for listing, _ in newest.values())
