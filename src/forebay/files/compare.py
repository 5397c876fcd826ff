"""Two tellings of the same bars: whether one of them was adjusted."""

from __future__ import annotations

import polars as pl

from forebay.files.columns import PRICES

_ALIKE = 2e-3
"""How far one factor may be off within a day: adjusted prices are rounded."""
_APART = 5e-3
"""Nearer to 1 than this, a factor may be rounding."""


def adjustment(theirs: pl.DataFrame, raw: pl.DataFrame) -> float | None:
    """The factor by which prices were adjusted for splits or dividends against `raw` ones; None when they were not.

    Both have FILE_ROWS columns. On a UTC date that was adjusted, all four prices of every bar are off by one factor;
    they were adjusted when that is so of most of the dates on which they differ at all. The oldest date's factor is it.
    Bars without a range of prices tell nothing: one correction moves all four of theirs.
    """
    ratios = [(pl.col(name) / pl.col(f"{name}_raw")).alias(name) for name in PRICES]
    both = theirs.join(raw, on="timestamp", suffix="_raw").filter(pl.col("high_raw") > pl.col("low_raw"))
    days = (
        both.select(pl.col("timestamp").dt.date().alias("day"), *ratios)
        .group_by("day")
        .agg(
            pl.min_horizontal(pl.col(PRICES).min()).alias("least"),
            pl.max_horizontal(pl.col(PRICES).max()).alias("most"),
        )
    )
    apart = days.filter(((pl.col("least") - 1).abs() > _APART) | ((pl.col("most") - 1).abs() > _APART))
    scaled = apart.filter((pl.col("least") > 0) & (pl.col("most") / pl.col("least") - 1 < _ALIKE)).sort("day")
    if scaled.is_empty() or 2 * scaled.height < apart.height:
        return None
    return float(scaled["most"][0])
