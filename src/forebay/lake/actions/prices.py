"""What held day bars say about actions: the price before and after each, and jumps that no action explains."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl

from forebay.bars.adjust import Span

NEAR = timedelta(days=30)
"""How far from an action its prices may be: a halt lasts days, and a longer gap says nothing of one morning."""
AROUND = pl.Schema({"id": pl.String(), "before": pl.String(), "on": pl.String(), "day": pl.Date()})
"""An action by its id: the ticker that its instrument bore just before its day, and the one on it."""
_LEAST = 1.8
_ROUND_TO = 0.1
"""In log price."""
_DAYS = "session_date"


def tickers_around(spans: tuple[Span, ...], day: date) -> tuple[str, str]:
    """The tickers in use before and on `day`, of an instrument's spans in the order of time."""
    begun = [span for span in spans if span.first < day]
    before = (begun or list(spans))[-1]
    now = next((span for span in spans if span.first <= day <= span.last), before)
    return before.ticker, now.ticker


def around(days: pl.LazyFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """`id`, `close_before` and `open_on` of each action (AROUND): the raw prices next to its day, null where none is.

    `days` are raw day bars: ticker, session_date, open, close; read once.
    """
    wanted = pl.concat([actions["before"], actions["on"]]).unique()
    bars = days.filter(pl.col("ticker").is_in(wanted.implode())).select("ticker", _DAYS, "open", "close").collect()
    bars = bars.sort(_DAYS)
    told = actions.sort("day")
    near: dict[str, Any] = {"left_on": "day", "right_on": _DAYS, "tolerance": NEAR, "check_sortedness": False}
    closes = bars.select(_DAYS, before="ticker", close_before="close")
    before = told.join_asof(closes, by="before", strategy="backward", allow_exact_matches=False, **near)
    opens = bars.select(_DAYS, on="ticker", open_on="open")
    return (
        before.drop(_DAYS).join_asof(opens, by="on", strategy="forward", **near).select("id", "close_before", "open_on")
    )


def jumps(days: pl.LazyFrame) -> pl.DataFrame:
    """Nights on which a price moved as in a split: ticker, session_date, close_before, open_on, looks_like (`1:10`).

    At least by a factor of 1.8, and to within a tenth of a whole number of shares. Whether an action explains it is
    not asked here. `days` as in `around`, in any order.
    """
    before, since = pl.col("close").shift(1).over("ticker"), pl.col(_DAYS) - pl.col(_DAYS).shift(1).over("ticker")
    factor = pl.col("close_before") / pl.col("open_on")
    size = pl.max_horizontal(factor, 1 / factor)
    nights = (
        days.select("ticker", _DAYS, "open", "close")
        .sort("ticker", _DAYS)
        .select("ticker", _DAYS, close_before=before, open_on="open", since=since)
        .filter(pl.col("since") <= NEAR, size >= _LEAST)
        .filter((size / size.round()).log().abs() <= _ROUND_TO)
    )
    number = size.round().cast(pl.Int64).cast(pl.String)
    looks = pl.when(factor > 1).then(pl.lit("1:") + number).otherwise(number + pl.lit(":1"))
    return nights.select("ticker", _DAYS, "close_before", "open_on", looks_like=looks).collect()
