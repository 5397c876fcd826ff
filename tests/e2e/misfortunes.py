"""A registry in which one symbol of twenty fails, each kind in its own way: who, how, and what is said of it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import cycle

import httpx2

from forebay import Sandbox
from forebay.model.registry import IngestionStrategy, SymbolRegistry
from forebay.testing import FakeClock

NOON = datetime(2026, 3, 5, 17, 1, tzinfo=UTC)
"""Of a Thursday in New York."""
FIRST, LAST = date(2026, 3, 3), date(2026, 3, 4)
"""The sessions that those are kept of that fare well."""
KEPT = {"start": str(FIRST), "timeframes": ["1d"]}
ALONE = {"start": "2026-02-23", "timeframes": ["1d"]}
"""More sessions than symbols: one call for each symbol, at which a fault can be aimed."""
API, SNAPSHOT, FILES = IngestionStrategy.FLATPACK_API, IngestionStrategy.SNAPSHOT, IngestionStrategy.FLATPACK

BY_VENDOR = {
    "not_entitled": "403.*not entitled",
    "server_error": "answered 503",
    "broken_json": "cannot be read as BarsPage",
    "foreign_ticker": "it is about '(MSFT|AAPL)'",
    "read_stall": "no whole answer",
}
BY_SNAPSHOT = {"missing_snapshot": "no snapshot of it", "damaged_snapshot": "row cannot be read"}
BY_SQL = {
    "strategy = 'yearly'": "no strategy 'yearly'",
    """metadata = '{"asset_class": "bonds"}'""": "its asset_class cannot be 'bonds'",
}
ALL_TRIES = 9
"""Calls of one run: three by the client, in three attempts of the task."""
TRIES = {"not_entitled": 1}
BUSY = ("AAPL", "AMZN", "MSFT", "NVDA", "SPY", "TSLA")
"""They trade in every minute: what damages their snapshots has something to damage."""


class Misfortunes:
    """Of a market of `tickers` stocks, by a clock of the test's."""

    def __init__(self, tickers: int) -> None:
        self.clock = FakeClock(NOON)
        self._market = {"start": date(2026, 2, 23), "end": date(2026, 3, 6), "tickers": tickers}
        market = Sandbox(**self._market).market
        self.names = sorted(set(market.bars("stocks", "bars_1d", LAST, LAST)["ticker"]))
        several = max(tickers // 250, 1)
        ways = [way for way in (*BY_VENDOR, "missing_snapshot", *BY_SQL) if way != "read_stall"]
        kinds = ways * several + ["read_stall"]
        others = [name for name in self.names if name not in BUSY]
        self.victims = dict(zip(others[:: len(others) // len(kinds)], kinds, strict=False))
        """Ticker to what it meets with."""
        self.victims |= dict.fromkeys(BUSY[:several], "damaged_snapshot")
        self.unknown = {f"NOPE{number}": (API, SNAPSHOT, FILES)[number % 3] for number in range(several * 4 + 1)}
        self.well = [name for name in self.names if name not in self.victims]

    def vendor(self) -> Sandbox:
        """The market, with all its faults."""
        return Sandbox(**self._market, clock=self.clock, faults=self.rules)

    @property
    def rules(self) -> list[dict]:
        """The faults, each aimed at one ticker; those of calls end when a run has met them to the end."""
        aimed = [{"kind": kind, "ticker": ticker} for ticker, kind in self.victims.items()]
        calls = [{**rule, "path": "/v2/aggs/*"} for rule in aimed if rule["kind"] in BY_VENDOR]
        calls = [{**rule, "seconds": 1.0, "times": TRIES.get(rule["kind"], ALL_TRIES)} for rule in calls]
        return calls + [rule for rule in aimed if rule["kind"] in BY_SNAPSHOT]

    def entries(self, vendor: Sandbox) -> list[SymbolRegistry]:
        """What is kept: those that fare well by all strategies in turn, but no snapshot of who did not trade today."""
        headers = {"Authorization": f"Bearer {vendor.env['POLYGON_API_KEY']}"}
        path = "/v2/snapshot/locale/us/markets/stocks/tickers"
        rows = httpx2.get(vendor.url + path, headers=headers, timeout=60).json()["tickers"]
        trading = {row["ticker"] for row in rows}
        well = [
            SymbolRegistry(name, how if name in trading else FILES, metadata=KEPT)
            for name, how in zip(self.well, cycle(IngestionStrategy), strict=False)
        ]
        victims = [
            SymbolRegistry(name, API if kind in BY_VENDOR else SNAPSHOT, metadata=ALONE)
            for name, kind in self.victims.items()
        ]
        return well + victims + [SymbolRegistry(name, how, metadata=KEPT) for name, how in self.unknown.items()]

    @property
    def spoiling(self) -> list[str]:
        """What another program does to the registry, in SQL."""
        spoiled = [(name, kind) for name, kind in self.victims.items() if kind in BY_SQL]
        return [f"UPDATE symbol_registry SET {kind} WHERE symbol = '{name}'" for name, kind in spoiled]

    @property
    def said(self) -> dict[str, str]:
        """Symbol that fails to what its message must match."""
        words = {**BY_VENDOR, **BY_SNAPSHOT, **BY_SQL}
        unknown = {name: "no snapshot" if how is SNAPSHOT else "knows no ticker" for name, how in self.unknown.items()}
        return {name: words[kind] for name, kind in self.victims.items()} | unknown
