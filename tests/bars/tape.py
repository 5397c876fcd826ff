"""Small tapes of trades, and the bars that are built from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

import polars as pl

from forebay.bars.build import BarBuilder, sum_up
from forebay.bars.conditions import Rulings
from forebay.bars.sizes import Hours, bar_size
from forebay.bars.trades import TRADE_ROWS, Tally, TradeRules, judge

DAY = date(2024, 3, 7)
RULES = TradeRules()


def at(clock: str, day: date = DAY) -> int:
    """Unix ns of a New York time: `09:30` or `15:59:59.999999999`."""
    whole, _, fraction = clock.partition(".")
    moment = datetime.fromisoformat(f"{day}T{whole}").replace(tzinfo=ZoneInfo("America/New_York"))
    return int(moment.timestamp()) * 1_000_000_000 + int(f"{fraction:0<9}")


def trade(
    clock: str, price: float = 10.0, size: float = 100.0, conditions: str = "", *, ticker="A", correction=0, number=0
):
    """One trade, in the columns of TRADE_ROWS."""
    return (ticker, conditions, correction, price, number, at(clock), size)


def table(trades: Iterable[tuple]) -> pl.DataFrame:
    """Trades as a table."""
    return pl.DataFrame(list(trades), schema=TRADE_ROWS, orient="row")


def built(
    tables: pl.DataFrame | Sequence[pl.DataFrame], size: str = "1m", rules: TradeRules = RULES, day: date = DAY, **how
) -> pl.DataFrame:
    """The bars of one size."""
    return read(tables, size, rules, day, **how)[0]


def read(
    tables: pl.DataFrame | Sequence[pl.DataFrame], size: str = "1m", rules: TradeRules = RULES, day: date = DAY, **how
) -> tuple[pl.DataFrame, Tally, pl.DataFrame]:
    """The bars of one size, sorted; the counts; the bad rows."""
    hours, rulings = Hours.on(day), Rulings(rules.unknown)
    builder, tally, bars, bad = BarBuilder(bar_size(size), hours, **how), Tally(), [], []
    for each in [tables] if isinstance(tables, pl.DataFrame) else tables:
        judged = judge(each, hours, rules, rulings)
        tally.add(judged.tally)
        bad.append(judged.bad)
        bars.append(builder.take(sum_up(judged.prints, builder.size, hours)))
    return pl.concat([*bars, builder.finish()]).sort("ticker", "window_start"), tally, pl.concat(bad)
