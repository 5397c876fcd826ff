"""Day bars against the minute bars of the same session: which tickers lack the minute in which they closed."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from forebay.model.calendar import session

_LAST_MINUTES = 2
"""The closing auction prints at the close itself or in the minute before it."""
_MINUTE = timedelta(minutes=1)


def lacking_close(minutes: pl.DataFrame, days: pl.DataFrame, day: date) -> pl.DataFrame:
    """Stocks without a bar in the closing minute whose day bar closes at a price that their last minutes never reached.

    A close that was corrected later is no such case: the minute is there, at another price. Both tables are BAR_ROWS
    of one New York session date. Returns `ticker`, `day_close`, `last_minute` (UTC, null without any regular minute),
    `minute_low` and `minute_high` (of the last two minutes), sorted by ticker. Such days
    are known of early 2025 (vendor README, section 5, row 8).
    """
    bounds = session("XNYS", day)
    regular = minutes.filter(pl.col("window_start").is_between(bounds.regular_opens, bounds.regular_closes))
    last = (
        regular.sort("ticker", "window_start")
        .group_by("ticker", maintain_order=True)
        .tail(_LAST_MINUTES)
        .group_by("ticker")
        .agg(
            pl.col("window_start").max().alias("last_minute"),
            pl.col("low").min().alias("minute_low"),
            pl.col("high").max().alias("minute_high"),
        )
    )
    closes = days.select("ticker", pl.col("close").alias("day_close"))
    reached = pl.col("day_close").is_between(pl.col("minute_low"), pl.col("minute_high")).fill_null(value=False)
    ended_early = (pl.col("last_minute") < bounds.regular_closes - _MINUTE).fill_null(value=True)
    return closes.join(last, on="ticker", how="left").filter(~reached & ended_early).sort("ticker")
