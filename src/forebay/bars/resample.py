"""Larger bars from smaller ones."""

from __future__ import annotations

import polars as pl

from forebay.bars.windows import Window
from forebay.model.rows import BAR_ROWS, OPTION_ROWS


def resample(bars: pl.LazyFrame, window: Window, zone: str) -> pl.LazyFrame:
    """Bars of `window` from minute bars or, where it holds whole session dates, also from day bars.

    `bars` have BAR_ROWS columns (options theirs too) and are sorted by ticker and time; `zone` is the exchange's.
    Windows of minutes and hours never reach over the end of a session date. Open is the first bar's and close the
    last's; volume and transactions are summed, null where no bar has one. `vwap` is weighted by volume, null unless
    every bar of the window that has a volume has one: a corrected close can make a minute in which nothing was traded.
    A bar of several session dates bears the last of them: it was not known earlier.
    """
    return rewindow(bars, window.start(zone), across_days=window.of_days)


def rewindow(bars: pl.LazyFrame, start: pl.Expr, *, across_days: bool = False) -> pl.LazyFrame:
    """As `resample`, with windows whose first instants are given as an expression of the bars' columns."""
    names = [name for name in bars.collect_schema().names() if name in BAR_ROWS or name in OPTION_ROWS]
    keys = ["ticker", "window_start"] if across_days else ["ticker", "session_date", "window_start"]
    volume, vwap = pl.col("volume"), pl.col("vwap")
    weighed = bars.with_columns(
        start.alias("window_start"),
        (vwap * volume).alias("paid"),
        (vwap.is_not_null() | (volume == 0)).alias("known"),
    )
    rest = [_OF_WINDOW.get(name, pl.col(name).first()) for name in names if name not in (*keys, "vwap")]
    windows = weighed.group_by(keys, maintain_order=True).agg(*rest, pl.col("paid"), pl.col("known").all())
    summed = windows.with_columns(_sum("volume"), _sum("paid"), _sum("transactions"))
    known = pl.col("known") & (volume > 0)
    return summed.with_columns(pl.when(known).then(pl.col("paid") / volume).alias("vwap")).select(names)


_OF_WINDOW = {
    "high": pl.col("high").max(),
    "low": pl.col("low").min(),
    "close": pl.col("close").last(),
    "volume": pl.col("volume"),
    "transactions": pl.col("transactions"),
    "session_date": pl.col("session_date").last(),
}
"""What is not the first bar's; the columns to be summed are gathered as lists."""


def _sum(name: str) -> pl.Expr:
    """Of a list, null without a number in it. Each list lies in one piece, and its sum depends on its numbers alone.

    `sum` within a group adds in parts, which depend on how many cores there are and how the bars are spread over files.
    """
    numbers = pl.col(name).list.drop_nulls()
    return pl.when(numbers.list.len() > 0).then(numbers.list.sum()).alias(name)
