"""Which bars of stocks are held: what actions are asked for, and which prices they are held against."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from forebay.lake.reading.reader import Lake
from forebay.model.catalogue import Kind
from forebay.model.instrument import AssetClass
from forebay.model.intervals import Interval

_TIMEFRAMES = {"1d": f"{AssetClass.STOCKS}/{Kind.BARS_1D}", "1m": f"{AssetClass.STOCKS}/{Kind.BARS_1M}"}
_QUIET = timedelta(days=10)
"""A ticker without bars for so long at the end of all that is held has left, or has another name now."""


@dataclass(frozen=True, slots=True)
class HeldTickers:
    """The first and the last session date that is held of each ticker."""

    dates: Mapping[str, Interval]

    @property
    def span(self) -> Interval:
        """From the first bar to the last. Only where there are some."""
        return Interval(min(each.start for each in self.dates.values()), max(each.end for each in self.dates.values()))

    def quiet(self) -> list[str]:
        """The tickers that were in use earlier only, in byte order."""
        newest = self.span.end - _QUIET
        return sorted((ticker for ticker, dates in self.dates.items() if dates.end < newest), key=str.encode)


def held_tickers(lake: Lake) -> HeldTickers:
    """The stocks of which the lake has bars; asked of day bars where it has some."""
    for timeframe in _held_timeframes(lake):
        bars = lake.bars(None, timeframe, asset_class=AssetClass.STOCKS).select("ticker", "session_date")
        day = pl.col("session_date")
        ends = bars.group_by("ticker").agg(day.min().alias("first"), day.max().alias("last"))
        rows = ends.collect(engine="streaming").iter_rows()
        return HeldTickers({ticker: Interval(first, last) for ticker, first, last in rows})
    return HeldTickers({})


def day_bars(lake: Lake, dates: Interval, tickers: Collection[str] | None) -> Iterator[pl.LazyFrame]:
    """Raw day bars as `forebay.lake.actions.proving.Days`: those that are held, then such as minutes make."""
    wanted = None if tickers is None else sorted(tickers)
    for timeframe in _held_timeframes(lake):
        bars = lake.bars(wanted, timeframe, dates.start, dates.end, asset_class=AssetClass.STOCKS)
        if timeframe == "1d":
            yield bars.select("ticker", "session_date", "open", "close")
        else:
            days = bars.group_by("ticker", "session_date", maintain_order=True)
            yield days.agg(pl.col("open").first(), pl.col("close").last())


def _held_timeframes(lake: Lake) -> list[str]:
    tables = lake.tables()
    return [timeframe for timeframe, table in _TIMEFRAMES.items() if table in tables]
