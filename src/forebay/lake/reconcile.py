"""Day bars against the minute bars of the same session: which tickers lack the minute in which they closed."""

from __future__ import annotations

from datetime import date

import polars as pl

from forebay.model.calendar import session

_LAST_MINUTES = 2
"""The closing auction prints at the close itself or in the minute before it."""


def lacking_close(minutes: pl.DataFrame, days: pl.DataFrame, day: date) -> pl.DataFrame:
    """Stocks whose day bar closes at a price that none of their last regular minutes reached.

    Both tables are BAR_ROWS of one New York session date. Returns `ticker`, `day_close`, `last_minute` (UTC, null
    without any regular minute), `minute_low` and `minute_high` (of the last two minutes), sorted by ticker. Such days
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
    return closes.join(last, on="ticker", how="left").filter(~reached).sort("ticker")
