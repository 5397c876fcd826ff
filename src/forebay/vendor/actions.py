"""Splits, dividends and changes of ticker, as the vendor lists them. Field names: the vendor's REST page, section 4."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeVar
from urllib.parse import quote

import msgspec

from forebay.errors import BadRequest, NotEntitled, NotKnown
from forebay.vendor.http import VendorHttp
from forebay.vendor.reference import Page, walk
from forebay.vendor.wire import decode

_AT_ONCE = 50
"""Tickers in one question: addresses have an end."""


class SplitRow(msgspec.Struct, frozen=True):
    """`split_from` old shares became `split_to` new ones before the open of `execution_date`."""

    ticker: str
    """Today's, not the one that was borne on the day."""
    execution_date: date
    split_from: float
    split_to: float
    id: str = ""
    adjustment_type: str | None = None
    """`forward_split`, `reverse_split` or `stock_dividend`; not in the older answers."""
    historical_adjustment_factor: float | None = None
    """Rewritten at each later split; not in the older answers."""


class DividendRow(msgspec.Struct, frozen=True):
    """Cash for one share, in the shares of its day, to whoever held it before `ex_dividend_date`."""

    ticker: str
    """Today's, not the one that was borne on the day."""
    ex_dividend_date: date
    cash_amount: float
    id: str = ""
    currency: str | None = None
    declaration_date: date | None = None
    record_date: date | None = None
    pay_date: date | None = None
    frequency: int | None = None
    """Times a year; 0 for one that stands alone."""
    distribution_type: str | None = None
    """`recurring`, `special`, ...; not in the older answers, which have `dividend_type`."""
    dividend_type: str | None = None
    split_adjusted_cash_amount: float | None = None
    historical_adjustment_factor: float | None = None


class SplitsPage(msgspec.Struct):
    """One page of splits."""

    results: list[SplitRow] | None = None
    next_url: str | None = None


class DividendsPage(msgspec.Struct):
    """One page of dividends."""

    results: list[DividendRow] | None = None
    next_url: str | None = None


class _Ticker(msgspec.Struct):
    ticker: str


class _Change(msgspec.Struct):
    type: str
    date: date
    ticker_change: _Ticker | None = None


class _Chain(msgspec.Struct):
    name: str = ""
    composite_figi: str | None = None
    cik: str | None = None
    events: list[_Change] = []


class _ChainAnswer(msgspec.Struct):
    results: _Chain


@dataclass(frozen=True, slots=True)
class Chain:
    """The tickers that one company bore, each with its first day, the oldest first."""

    name: str
    figi: str | None
    """Composite FIGI; the vendor has none for thousands."""
    cik: str | None
    tickers: tuple[tuple[date, str], ...]


@dataclass(frozen=True, slots=True)
class _Listing:
    """One list at its newer and its older address. Both have the same ids."""

    newer: str
    older: str
    day: str
    """The field that orders it."""


_SPLITS = _Listing("/stocks/v1/splits", "/v3/reference/splits", "execution_date")
_DIVIDENDS = _Listing("/stocks/v1/dividends", "/v3/reference/dividends", "ex_dividend_date")

Row = TypeVar("Row", SplitRow, DividendRow)


class ActionLists:
    """Corporate actions by REST. Every page costs one call; methods raise what `RestClient` raises."""

    def __init__(self, http: VendorHttp) -> None:
        self._http = http

    def splits(self, since: date, tickers: Collection[str] = ()) -> list[SplitRow]:
        """Splits executed from `since` on, announced ones included, each once; of all tickers when none is named."""
        return _each_once(self._rows(_SPLITS, since, tickers, SplitsPage))

    def dividends(self, since: date, tickers: Collection[str] = ()) -> list[DividendRow]:
        """Dividends whose ex-date is `since` or later, announced ones included, each once; as `splits`."""
        return _each_once(self._rows(_DIVIDENDS, since, tickers, DividendsPage))

    def chain(self, identifier: str) -> Chain | None:
        """The tickers of whoever bears `identifier` (a ticker, or has that FIGI); None when the vendor knows nobody."""
        path = f"/vX/reference/tickers/{quote(identifier, safe=':')}/events"
        try:
            return self._http.get(path, {"types": "ticker_change"}, _chain)
        except NotKnown:
            return None

    def _rows(self, listing: _Listing, since: date, tickers: Collection[str], kind: type[Page[Row]]) -> Iterator[Row]:
        """From the newer address; from the older one where the newer is not there or not in the plan."""
        try:
            yield from self._newer(listing, since, sorted(tickers), kind)
        except (BadRequest, NotEntitled):
            yield from self._older(listing, since, sorted(tickers), kind)

    def _newer(self, listing: _Listing, since: date, tickers: list[str], kind: type[Page[Row]]) -> Iterator[Row]:
        # `order` is ignored there: the direction is part of `sort`
        asked = {f"{listing.day}.gte": since.isoformat(), "sort": f"{listing.day}.asc", "limit": "5000"}
        for first in range(0, max(len(tickers), 1), _AT_ONCE):
            some = tickers[first : first + _AT_ONCE]
            yield from self._walk(listing.newer, asked | ({"ticker.any_of": ",".join(some)} if some else {}), kind)

    def _older(self, listing: _Listing, since: date, tickers: list[str], kind: type[Page[Row]]) -> Iterator[Row]:
        asked = {f"{listing.day}.gte": since.isoformat(), "sort": listing.day, "order": "asc", "limit": "1000"}
        for ticker in tickers or [""]:
            yield from self._walk(listing.older, asked | ({"ticker": ticker} if ticker else {}), kind)

    def _walk(self, path: str, params: Mapping[str, str], kind: type[Page[Row]]) -> Iterator[Row]:
        return walk(self._http, path, params, kind)


def _each_once(rows: Iterator[Row]) -> list[Row]:
    """A row may come again on the next page when the list grows meanwhile, or from both addresses; the last stays."""
    return list({_identity(row): row for row in rows}.values())


def _identity(row: SplitRow | DividendRow) -> object:
    return row.id or row


def _chain(body: bytes) -> Chain:
    found = decode(body, _ChainAnswer).results
    changes = sorted((event.date, event.ticker_change.ticker) for event in found.events if event.ticker_change)
    return Chain(found.name, found.composite_figi, found.cik, tuple(changes))
