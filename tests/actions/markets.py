"""A lake that holds the market's hard cases in November 2025: splits, dividends, a rename, a reused ticker."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import httpx2
import polars as pl

from forebay import Lake, Sandbox
from forebay.app import App, new_worker_id
from forebay.app.actions import actions_refresh
from forebay.cli.wishes import Asked, feeds_asked
from forebay.orchestration.sync import carry_out
from forebay.settings import load
from forebay.testing import FakeClock

FIRST, LAST = date(2025, 10, 1), date(2025, 11, 28)
NOON = datetime(2025, 12, 1, 17, tzinfo=UTC)
"""The Monday after `LAST`, noon in New York."""
SPLIT = ["NVDA", "SOUR", "SQ", "XYZ", "ATN"]
"""Split, consolidated, renamed before a split and after it, and borne by two companies in turn, each with a split."""
PAID = ["AAPL", "KO"]
"""Dividends alone."""
COLUMNS = ["open", "high", "low", "close", "vwap", "volume"]
_SPANS = {"1m": "minute", "1h": "hour", "1d": "day", "1w": "week"}
_KEYS = dict(zip(COLUMNS, ("o", "h", "l", "c", "vw", "v"), strict=True))


def market(now: datetime = NOON, **more: object) -> Sandbox:
    """The simulated vendor with its twenty notable stocks."""
    return Sandbox(tickers=20, start=FIRST, end=LAST, clock=FakeClock(now), **more)


@dataclass
class Held:
    """A home whose lake holds bars of the vendor's."""

    vendor: Sandbox
    folder: Path
    clock: FakeClock

    @property
    def lake(self) -> Lake:
        return Lake(self.folder / "lake", clock=self.clock)

    @contextmanager
    def app(self):
        known = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
        env = {**known, **self.vendor.env, "FOREBAY_HOME": str(self.folder), "POLYGON_RATE_LIMIT": "0"}
        app = App(load(environ=env), self.clock, new_worker_id())
        try:
            yield app
        finally:
            app.close()

    def sync(self, tickers: list[str], *tables: str, start: date = FIRST) -> None:
        """Fetch raw bars by REST."""
        with self.app() as app:
            feeds = feeds_asked(app, Asked(None, [*tables], tickers, start, LAST, "rest", None, None))
            prospect = app.outlook().look_ahead(feeds)
            carry_out(prospect.plan, app.ledger, app.worker())

    def refresh(self, *tickers: str, names_at_most: int = 100, narrow: int = 50, full: bool = False):
        """Ask the vendor for actions."""
        with self.app() as app:
            return replace(actions_refresh(app, names_at_most), narrow=narrow).run(tickers, full=full)

    def asked(self, since: int = 0) -> list[str]:
        """The paths that the vendor was asked for, from the request with that number on."""
        return [request.path for request in self.vendor.requests[since:]]


def vendors_own(vendor: Sandbox, ticker: str, timeframe: str, end: date = LAST) -> pl.DataFrame:
    """The vendor's `adjusted=true` bars."""
    rows, url = [], f"/v2/aggs/ticker/{ticker}/range/1/{_SPANS[timeframe]}/{FIRST}/{end}"
    headers = {"Authorization": f"Bearer {vendor.env['POLYGON_API_KEY']}"}
    with httpx2.Client(base_url=vendor.url, headers=headers, timeout=60) as client:
        params = {"adjusted": "true", "limit": "50000"}
        while url:
            page = client.get(url, params=params).json()
            assert page["adjusted"]
            rows += page.get("results", [])
            url, params = page.get("next_url"), {}
    prices = {name: [row.get(key) for row in rows] for name, key in _KEYS.items()}
    schema = {"t": pl.Int64(), **dict.fromkeys(COLUMNS, pl.Float64())}
    return pl.DataFrame({"t": [row["t"] for row in rows], **prices}, schema=schema, strict=False)


def as_vendor(bars: pl.LazyFrame) -> pl.DataFrame:
    """Bars of the lake in the columns of `vendors_own`."""
    return bars.select(pl.col("window_start").dt.epoch("ms").alias("t"), *COLUMNS).collect()
