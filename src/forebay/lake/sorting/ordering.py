"""Rows that did not come in order, sorted in pieces that fit into memory, however many there are."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import polars as pl

PIECE_ROWS = 1_000_000
"""Rows sorted at a time, about; those of one ticker at one instant are never cut apart."""


def by_ticker_range(rows: pl.LazyFrame, time: str) -> Iterator[pl.DataFrame]:
    """Rows sorted by (ticker bytes, column `time`), equal ones in the order they came in, piece by piece.

    A piece has whole tickers, or a part of the day of one that has more rows than a piece.
    """
    sizes = rows.group_by("ticker").len().sort("ticker").collect(engine="streaming")
    for part in _ranges(sizes):
        tickers = part["ticker"]
        inside = rows.filter(pl.col("ticker").is_between(pl.lit(tickers[0]), pl.lit(tickers[-1])))
        pieces = [inside] if tickers.len() > 1 else _by_time_range(inside, time, part["len"].item())
        for piece in pieces:
            yield piece.sort("ticker", time, maintain_order=True).collect()


def _ranges(sizes: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Tickers in runs of about PIECE_ROWS rows; one with more is a run by itself."""
    before = pl.col("len").cum_sum() - pl.col("len")
    alone = pl.when(pl.col("len") > PIECE_ROWS).then("ticker")
    runs = sizes.with_columns(pl.struct(before // PIECE_ROWS, alone).rle_id().alias("run"))
    return (part for _, part in runs.group_by("run", maintain_order=True))


def _by_time_range(rows: pl.LazyFrame, time: str, count: int) -> Iterator[pl.LazyFrame]:
    if count <= PIECE_ROWS:
        yield rows
        return
    times = rows.select(time).collect().to_series().sort()
    cuts = [*dict.fromkeys(times[place] for place in range(0, count, PIECE_ROWS)), None]
    for first, after in pairwise(cuts):
        here = pl.col(time) >= pl.lit(first, times.dtype)
        yield rows.filter(here if after is None else here & (pl.col(time) < pl.lit(after, times.dtype)))
