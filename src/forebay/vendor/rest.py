"""What Forebay asks the vendor's REST service. One method for a question; prices are always raw (`adjusted=false`)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Self
from urllib.parse import quote
from zoneinfo import ZoneInfo

import httpx2
import polars as pl

from forebay.clock import Clock
from forebay.errors import NotEntitled, NotPublishedYet, UsageError
from forebay.model.calendar import day_start
from forebay.model.catalogue import BAR_DATASETS, Kind
from forebay.model.instrument import AssetClass
from forebay.model.intervals import Interval
from forebay.stores.backoff import Jitter
from forebay.vendor.actions import ActionLists
from forebay.vendor.bar_pages import BarPages
from forebay.vendor.columns import columns
from forebay.vendor.http import Timeouts, VendorHttp
from forebay.vendor.limits import Budget
from forebay.vendor.pages import Question, check_bars, check_envelope, check_grouped, without_twins
from forebay.vendor.reference import ContractDetails, ContractRow, ContractsPage, read_names, walk
from forebay.vendor.snapshots import SnapshotLists
from forebay.vendor.timeframes import bar_dataset, moments_path, range_path
from forebay.vendor.wire import (
    BarsPage,
    MarketStatus,
    TickerDetails,
    TickerRow,
    TickersPage,
    decode,
    grouped_table,
)

_GROUPED_PATHS = {
    AssetClass.STOCKS: "/v2/aggs/grouped/locale/us/market/stocks",
    AssetClass.CRYPTO: "/v2/aggs/grouped/locale/global/market/crypto",
    AssetClass.FOREX: "/v2/aggs/grouped/locale/global/market/fx",
}


@dataclass(frozen=True, slots=True)
class Entitlement:
    """Whether the plan includes what was asked, and what the vendor said if not."""

    granted: bool
    reason: str = ""


class RestClient:
    """The vendor's REST service. Every page costs one call of `budget`. Safe to use from several threads.

    Methods raise WrongKey, NotEntitled, BadRequest, NotPublishedYet at once, and VendorUnavailable, RateLimited,
    PageRejected when a few attempts did not help.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        budget: Budget,
        clock: Clock,
        transport: httpx2.BaseTransport | None = None,
        timeouts: Timeouts | None = None,
        jitter: Jitter = random.random,
    ) -> None:
        self._http = VendorHttp(base_url, api_key, budget, clock, transport=transport, timeouts=timeouts, jitter=jitter)
        self._clock = clock

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def bars(self, ticker: str, timeframe: str, start: date, end: date) -> BarPages:
        """Bars of one ticker whose session dates are from `start` to `end`, page by page.

        `timeframe` is `1m`, `5m`, `15m`, `1h`, `1d` or the like; another one raises UsageError.
        """
        path = range_path(ticker, timeframe, start, end)
        return BarPages(self._http, path, Question(bar_dataset(ticker, timeframe), ticker, Interval(start, end)))

    def bars_between(self, ticker: str, timeframe: str, first: datetime, last: datetime) -> BarPages:
        """Bars of one ticker that start from `first` to `last` (aware, both included), page by page; not of days.

        `timeframe` may be `1s`, too.
        """
        dataset = bar_dataset(ticker, timeframe)
        zone = ZoneInfo(dataset.timezone)
        dates = Interval(first.astimezone(zone).date(), last.astimezone(zone).date())
        return BarPages(self._http, moments_path(ticker, timeframe, first, last), Question(dataset, ticker, dates))

    def grouped_daily(self, asset_class: AssetClass, day: date) -> pl.DataFrame:
        """The day bar of every ticker, in the columns of BAR_ROWS; no rows on a day without a session.

        `window_start` is the midnight that day bars have: what the vendor writes there is the end of the window.
        Raises UsageError for a class without such an answer.
        """
        if asset_class not in _GROUPED_PATHS:
            raise UsageError(f"the vendor has no grouped day bars of {asset_class}", remedy="Ask by ticker.")
        asked = Question(BAR_DATASETS[f"{asset_class}/{Kind.BARS_1D}"], "", Interval(day, day))
        params = {"adjusted": "false"}
        if asset_class is AssetClass.STOCKS:
            params["include_otc"] = "false"
        path = f"{_GROUPED_PATHS[asset_class]}/{day.isoformat()}"
        return self._http.get(path, params, lambda body: _grouped(body, asked))

    def tickers(
        self, market: str, *, active: bool = True, on: date | None = None, kind: str | None = None, **more: str
    ) -> Iterator[TickerRow]:
        """The vendor's tickers by name: `market` is stocks, crypto, fx, otc or indices (options are not here).

        `on` asks for the list as of a date, `kind` for one type (`CS`, `ETF`); `more` are further filters by the
        vendor's names (`exchange`, `search`, `ticker`, `limit` for a smaller page). A ticker may come twice, with
        different `last_updated_utc` or for two companies that bore it. Pages are asked for as they are read.
        """
        asked = {"market": market, "active": str(active).lower(), "sort": "ticker", "order": "asc", "limit": "1000"}
        params = asked | ({"date": on.isoformat()} if on else {}) | ({"type": kind} if kind else {}) | more
        return walk(self._http, "/v3/reference/tickers", params, TickersPage)

    def contracts(self, on: date | None = None, *, expired: bool = False, **more: str) -> Iterator[ContractRow]:
        """Option contracts by name, as of `on` (None: today): those that are listed, or those that have expired.

        `more` are filters by the vendor's names, such as `underlying_ticker` (`SPX`, not `I:SPX`).
        """
        asked = {"expired": str(expired).lower(), "sort": "ticker", "order": "asc", "limit": "1000"}
        params = asked | ({"as_of": on.isoformat()} if on else {}) | more
        return walk(self._http, "/v3/reference/options/contracts", params, ContractsPage)

    def ticker(self, ticker: str, on: date | None = None) -> TickerRow:
        """The details of one ticker, today or `on` a date. Raises NotKnown when nobody bears it then."""
        path = f"/v3/reference/tickers/{quote(ticker, safe=':')}"
        params = {"date": on.isoformat()} if on else {}
        return self._http.get(path, params, lambda body: decode(body, TickerDetails)).results

    def contract(self, ticker: str, on: date | None = None) -> ContractRow:
        """One option contract, today or `on` a date. Raises NotKnown when it is not listed then."""
        path = f"/v3/reference/options/contracts/{quote(ticker, safe=':')}"
        params = {"as_of": on.isoformat()} if on else {}
        return self._http.get(path, params, lambda body: decode(body, ContractDetails)).results

    def names(self, ticker: str) -> list[tuple[date, str]]:
        """The names that whoever bears or bore `ticker` had, with the first day of each, in order. Raises NotKnown."""
        path = f"/vX/reference/tickers/{quote(ticker, safe=':')}/events"
        return self._http.get(path, {"types": "ticker_change"}, read_names)

    @property
    def actions(self) -> ActionLists:
        """Splits, dividends and changes of ticker."""
        return ActionLists(self._http)

    @property
    def snapshots(self) -> SnapshotLists:
        """What the vendor says of tickers now."""
        return SnapshotLists(self._http, self._clock)

    def market_status_now(self) -> MarketStatus:
        """Whether markets are open. On every plan, so it also tells whether the key is right."""
        return self._http.get("/v1/marketstatus/now", {}, lambda body: decode(body, MarketStatus))

    def entitlement(self, ticker: str, timeframe: str, day: date) -> Entitlement:
        """Whether the plan includes bars of `ticker` on `day`. Costs one call."""
        try:
            for _ in self.bars(ticker, timeframe, day, day):
                break
        except (NotEntitled, NotPublishedYet) as error:
            return Entitlement(granted=False, reason=str(error))
        return Entitlement(granted=True)


def _grouped(body: bytes, asked: Question) -> pl.DataFrame:
    page = decode(body, BarsPage)
    check_envelope(page, len(page.results or ()), asked)
    day = asked.dates.start
    midnight = day_start(asked.dataset, day)
    bars = page.results or []
    check_grouped([bar.T for bar in bars], pl.Series([bar.t for bar in bars], dtype=pl.Int64), midnight, asked)
    rows = grouped_table(bars, columns(bars), midnight, day)
    if rows.height:
        check_bars(rows, asked)
    return without_twins(rows, "ticker", asked)
