"""What the lake holds of symbols that were asked for: how much came, and of whom nothing ever did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import polars as pl

from forebay.lake.reading.reader import Lake
from forebay.model.feed import LAKE
from forebay.model.instrument import AssetClass
from forebay.orchestration.gaps import Gaps, all_days
from forebay.orchestration.wanted import Wish
from forebay.symbols.universes import Universes


def rows_come(lake: Lake, wish: Wish, gaps: Gaps) -> Mapping[str, int]:
    """Symbol to its rows of the days that `gaps` says it lacked before."""
    days = sorted(all_days(gaps))
    if wish.dataset.table not in lake.tables():
        return {}
    rows = lake.rows(wish.dataset.table, sorted(gaps), days[0], days[-1])
    counted = rows.group_by("ticker", "session_date").len().collect()
    lacked = {symbol: set(several) for symbol, several in gaps.items()}
    come: defaultdict[str, int] = defaultdict(int)
    for ticker, day, count in counted.iter_rows():
        come[ticker] += count if day in lacked.get(ticker, ()) else 0
    return come


def silent(lake: Lake, universes: Universes, wishes: Sequence[Wish]) -> Sequence[str]:
    """Those of which no universe knows anything, and the lake has no row that is wished for; in byte order.

    Futures are left out: no reference that is asked here knows them.
    """
    named = [wish for wish in wishes if not wish.whole_market and wish.destination == LAKE]
    named = [wish for wish in named if wish.dataset.asset_class is not AssetClass.FUTURES]
    tickers = {symbol for wish in named for symbol in wish.symbols}
    strange = tickers - universes.lifetimes(tickers).keys()
    for wish in named:
        asked = sorted(strange.intersection(wish.symbols))
        if asked and wish.dataset.table in lake.tables():
            rows = lake.rows(wish.dataset.table, asked, wish.span.start, wish.span.end).select(
                pl.col("ticker").unique()
            )
            strange -= set(rows.collect()["ticker"])
    return sorted(strange, key=str.encode)
