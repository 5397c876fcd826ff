"""Bars of one ticker, page after page, each checked before it is handed on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from forebay.vendor.columns import read_page
from forebay.vendor.cursor import Cursor
from forebay.vendor.http import VendorHttp
from forebay.vendor.pages import Question, check_bars, check_envelope, check_order, without_twins
from forebay.vendor.wire import bars_table

LARGEST_PAGE = 50_000
"""Base bars; the vendor's default of 5,000 stops short without a word."""
_UNADJUSTED = "adjusted=false"


@dataclass(frozen=True, slots=True)
class _Checked:
    """A page that passed: the bars that no page before it had."""

    rows: pl.DataFrame
    repeated: int
    next_url: str | None
    size: int


class BarPages(Iterator[pl.DataFrame]):
    """An iterator over tables in the columns of BAR_ROWS, old to new, none of them empty.

    Raises what VendorHttp.get raises; a page that stays wrong raises PageRejected. Not for several threads.
    """

    def __init__(self, http: VendorHttp, path: str, asked: Question) -> None:
        self.pages = 0
        """Pages read so far."""
        self.bytes = 0
        """Bytes of JSON read so far."""
        self.repeated = 0
        """Bars dropped so far because the vendor sent them twice."""
        self._http = http
        self._asked = asked
        self._cursor = Cursor(http, path)
        self._params: Mapping[str, str] = {"adjusted": "false", "sort": "asc", "limit": str(LARGEST_PAGE)}
        self._last = pl.DataFrame()
        """The last row handed on, which the next page may repeat."""

    @property
    def more(self) -> bool:
        """Whether a page is left to be asked for."""
        return self._cursor.url is not None

    def __next__(self) -> pl.DataFrame:
        """The next table."""
        while self._cursor.url is not None:
            page = self._http.get(self._cursor.url, self._params, self._read)
            self._params = {}
            self._cursor.follow(page.next_url, keep=_UNADJUSTED)
            self.pages += 1
            self.bytes += page.size
            self.repeated += page.repeated
            if page.rows.height:
                self._last = page.rows.tail(1)
                return page.rows
        raise StopIteration

    def _read(self, body: bytes) -> _Checked:
        page, prices = read_page(body)
        check_envelope(page, prices.height, self._asked)
        self._cursor.check(page.next_url)
        if not prices.height:
            return _Checked(pl.DataFrame(), 0, page.next_url, len(body))
        rows = bars_table(prices, self._asked.ticker, self._asked.dataset.timezone)
        check_bars(rows, self._asked)
        joined = pl.concat([self._last, rows]) if self._last.height else rows
        unique = without_twins(joined, "window_start", self._asked)
        check_order(unique, self._asked)
        return _Checked(unique.slice(self._last.height), joined.height - unique.height, page.next_url, len(body))
