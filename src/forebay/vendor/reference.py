"""Reference lists: pages that are asked for as they are read, and rows of option contracts and of name changes.

Field names: the vendor's REST page, section 4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Protocol, TypeVar

import msgspec

from forebay.vendor.cursor import Cursor
from forebay.vendor.http import VendorHttp
from forebay.vendor.wire import decode

Row = TypeVar("Row")


class Page(Protocol[Row]):
    """One page of a list."""

    results: list[Row] | None
    """Absent when nothing matched."""
    next_url: str | None


class ContractRow(msgspec.Struct, frozen=True):
    """One option contract."""

    ticker: str
    underlying_ticker: str = ""
    contract_type: str = ""
    """`call`, `put` or `other`."""
    expiration_date: date | None = None
    primary_exchange: str = ""


class ContractsPage(msgspec.Struct):
    """One page of the list of contracts."""

    results: list[ContractRow] | None = None
    next_url: str | None = None


class ContractDetails(msgspec.Struct):
    """The answer about one contract."""

    results: ContractRow


class _Ticker(msgspec.Struct):
    ticker: str


class _Event(msgspec.Struct):
    type: str
    date: date
    ticker_change: _Ticker | None = None


class _Events(msgspec.Struct):
    events: list[_Event] = []


class _EventsAnswer(msgspec.Struct):
    results: _Events


def read_names(body: bytes) -> list[tuple[date, str]]:
    """The names in an answer about ticker changes, with the first day of each, the oldest first."""
    events = decode(body, _EventsAnswer).results.events
    return sorted((event.date, event.ticker_change.ticker) for event in events if event.ticker_change)


def walk(http: VendorHttp, path: str, params: Mapping[str, str], kind: type[Page[Row]]) -> Iterator[Row]:
    """The rows of all pages; the next page is asked for when the rows of the one before have been taken."""
    cursor = Cursor(http, path)

    def read(body: bytes) -> Page[Row]:
        page = decode(body, kind)
        cursor.check(page.next_url)
        return page

    while cursor.url is not None:
        page = http.get(cursor.url, params, read)
        yield from page.results or ()
        cursor.follow(page.next_url)
        params = {}
