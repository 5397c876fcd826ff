"""Larger bars from one-minute bars."""

from __future__ import annotations

import polars as pl

from forebay.model.rows import BAR_ROWS


def resample(minutes: pl.LazyFrame, timeframe: str) -> pl.LazyFrame:
    """Bars of `timeframe` (one of DERIVED) from minute bars in BAR_ROWS columns, sorted by ticker and time.

    Windows start on the clock's own multiples (an hour bar on the hour), which is what the vendor does, and never reach
    over the end of a session date.
    Open is the first minute's and close the last's; volume and transactions are summed, null where no minute has one.
    `vwap` is weighted by volume, null unless every minute of the window that has a volume has one: a corrected close
    can make a minute in which nothing was traded.
    """
    return rewindow(minutes, pl.col("window_start").dt.truncate(timeframe))


def rewindow(minutes: pl.LazyFrame, start: pl.Expr) -> pl.LazyFrame:
    """As `resample`, with windows whose first instants are given as an expression of the minutes' columns."""
    volume, vwap = pl.col("volume"), pl.col("vwap")
    weighted = _total(vwap * volume) / _total(volume)
    known = (vwap.is_not_null() | (volume == 0)).all() & (_total(volume) > 0)
    ordered = minutes.sort("ticker", "window_start").with_columns(start.alias("window_start"))
    keys = ["ticker", "session_date", "window_start"]
    windows = ordered.group_by(keys, maintain_order=True).agg(
        pl.col("open").first(),
        pl.col("high").max(),
        pl.col("low").min(),
        pl.col("close").last(),
        _sum("volume"),
        pl.when(known).then(weighted).alias("vwap"),
        _sum("transactions"),
        pl.col("source").first(),
    )
    return windows.select(BAR_ROWS.names())


def _sum(name: str) -> pl.Expr:
    column = pl.col(name)
    return pl.when(column.count() > 0).then(_total(column)).alias(name)


def _total(numbers: pl.Expr) -> pl.Expr:
    """Their sum, added one after the other: the same minutes give the same last digit, however they are stored.

    `sum` adds in parts, which depend on how many cores there are and how the minutes are spread over files.
    """
    return numbers.fill_null(0).cum_sum().last()
