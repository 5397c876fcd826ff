"""Bars from the simulated market's trades are its own minute and day bars, field by field."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from tape import read

from forebay.bars.sizes import TRADES
from forebay.bars.trades import TRADE_ROWS
from forebay.sandbox.csvfile import day_table
from forebay.sandbox.market import Market

DAYS = {
    "a usual day": date(2024, 3, 7),
    "Friday before the clocks go forward": date(2026, 3, 6),
    "Monday after it": date(2026, 3, 9),
    "Monday after they go back": date(2025, 11, 3),
    "half day": date(2025, 11, 28),
    "half day before Christmas": date(2025, 12, 24),
    "first day of fractional shares": date(2026, 2, 23),
}


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(seed=11, tickers=60, start=date(2024, 3, 1), end=date(2026, 3, 31))


def trades_of(market: Market, day: date) -> pl.DataFrame:
    return day_table(market, TRADES, day).select(TRADE_ROWS.names()).with_columns(pl.col("conditions").fill_null(""))


@pytest.mark.parametrize("day", DAYS.values(), ids=DAYS.keys())
@pytest.mark.parametrize(("size", "kind"), [("1m", "bars_1m"), ("1d", "bars_1d")])
def test_bars_are_the_markets_own(market: Market, day: date, size: str, kind: str) -> None:
    """Every field, the volume-weighted price included; extended hours, odd lots, corrections and auctions are there."""
    trades = trades_of(market, day)
    bars, tally, bad = read(trades, size, day=day)

    assert market.bars("stocks", kind, day, day).equals(bars.drop("source"))
    assert (trades.height, 0) == (tally.trades, bad.height)
    assert {"correction 7", "correction 8", "correction 10", "correction 11", "correction 12"} >= tally.dropped.keys()


def test_the_tape_has_what_the_rules_are_for(market: Market) -> None:
    """The comparison is worth something: the days hold every kind of trade that a rule is about."""
    trades = pl.concat(trades_of(market, day) for day in DAYS.values())
    texts = set(",".join(trades["conditions"].unique()).split(","))

    assert {"12", "37", "10", "15", "16", "17", "25", "8", "19", "22", "38", "2", ""} <= texts
    assert {0, 1, 7, 8, 10, 11, 12} == set(trades["correction"])
    assert (trades["size"] % 1 > 0).any()


@pytest.mark.parametrize("size", ["1m", "1d"])
def test_late_and_out_of_order_prints_change_nothing(market: Market, size: str) -> None:
    """A tenth of the trades written where they do not belong within their ticker, and the file cut in pieces."""
    day = DAYS["half day"]
    trades = trades_of(market, day).with_row_index("place")
    moved = trades.with_columns(pl.when(pl.col("place") % 10 == 3).then(pl.col("place") + 900).otherwise("place"))
    late = moved.sort("ticker", "place").drop("place")
    pieces = [late[first : first + 997] for first in range(0, late.height, 997)]

    assert not late.equals(trades.drop("place"))
    assert read(trades.drop("place"), size, day=day)[0].equals(read(pieces, size, day=day)[0])
