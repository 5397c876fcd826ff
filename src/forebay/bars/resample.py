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
    volume, vwap = pl.col("volume"), pl.col("vwap")
    weighted = _total(vwap * volume) / _total(volume)
    known = (vwap.is_not_null() | (volume == 0)).all() & (_total(volume) > 0)
    names = [name for name in bars.collect_schema().names() if name in BAR_ROWS or name in OPTION_ROWS]
    summed = {
        "high": pl.col("high").max(),
        "low": pl.col("low").min(),
        "close": pl.col("close").last(),
        "volume": _sum("volume"),
        "vwap": pl.when(known).then(weighted).alias("vwap"),
        "transactions": _sum("transactions"),
        "session_date": pl.col("session_date").last(),
    }
    keys = ["ticker", "window_start"] if across_days else ["ticker", "session_date", "window_start"]
    rest = [summed.get(name, pl.col(name).first()) for name in names if name not in keys]
    started = bars.with_columns(start.alias("window_start"))
    return started.group_by(keys, maintain_order=True).agg(rest).select(names)


def _sum(name: str) -> pl.Expr:
    column = pl.col(name)
    return pl.when(column.count() > 0).then(_total(column)).alias(name)


def _total(numbers: pl.Expr) -> pl.Expr:
    """Their sum, added one after the other: the same bars give the same last digit, however they are stored.

    `sum` adds in parts, which depend on how many cores there are and how the bars are spread over files.
    """
    return numbers.fill_null(0).cum_sum().last()
