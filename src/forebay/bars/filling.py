"""A regular grid of bars, for who asks for one: a window without a trade repeats the close before it."""

from __future__ import annotations

import polars as pl

from forebay.bars.sessions import Hours, bounds
from forebay.bars.windows import Window
from forebay.errors import UsageError
from forebay.model.catalogue import Dataset
from forebay.model.intervals import Interval
from forebay.model.rows import BAR_ROWS

PREVIOUS = "previous"
FILLED = "filled"
"""The source of a bar that nobody published."""
_KEYS = ["ticker", "session_date", "window_start"]


def check_fill(fill: str | None, window: Window) -> None:
    """Raises UsageError for another word than `previous`, and for bars of days."""
    if fill is None:
        return
    if fill != PREVIOUS:
        raise UsageError(f"unknown fill {fill!r}", remedy="leave it out, or fill='previous'")
    if window.of_days:
        raise UsageError(
            "bars of days and longer are not filled: a session date without a bar may be a gap",
            remedy="leave fill out; `Lake.gaps` lists the session dates of which nothing is held",
        )


def filled(bars: pl.LazyFrame, window: Window, hours: Hours, dataset: Dataset, dates: Interval) -> pl.LazyFrame:
    """`bars` with a bar in every window of `hours` (the extended ones for `all`) of each session that a ticker has.

    A new bar has volume and transactions 0, the close before it (of the session before, too) as its four prices, no
    vwap, and the source `filled`. Nothing is made before a ticker's first bar, nor on a session date without any.
    """
    opened = bounds(dataset.calendar, hours, dates).lazy()
    minutes = pl.datetime_ranges("opens", "closes", "1m", closed="left").alias("window_start")
    grid = opened.select("session_date", minutes).explode("window_start")
    grid = grid.with_columns(window.start(dataset.timezone).alias("window_start")).unique()
    every = bars.select("ticker", "session_date").unique().join(grid, on="session_date")
    new = every.join(bars, on=_KEYS, how="anti").with_columns(
        volume=pl.lit(0.0), transactions=pl.lit(0, pl.Int64), source=pl.lit(FILLED)
    )
    return _carried(pl.concat([bars, new], how="diagonal").sort(_KEYS[0], _KEYS[2]))


def _carried(bars: pl.LazyFrame) -> pl.LazyFrame:
    names = bars.collect_schema().names()
    close = pl.col("close").forward_fill().over("ticker")
    of_day = [name for name in names if name not in BAR_ROWS]
    same = [pl.col(name).forward_fill().backward_fill().over("ticker", "session_date") for name in of_day]
    prices = [pl.coalesce(name, close).alias(name) for name in ("open", "high", "low", "close")]
    return bars.with_columns(*prices, *same).filter(pl.col("close").is_not_null()).select(names)
