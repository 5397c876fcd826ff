"""The rows of chosen files as one query, in the order of ticker and time, without work that their order makes needless.

What a file is asked is pushed down to it: Polars reads the row groups whose bounds fit, and of them the columns asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import polars as pl

from forebay.lake.format.tiles import is_tiled
from forebay.lake.home.home import Home, scan
from forebay.lake.log.snapshot import LakeFile
from forebay.model.catalogue import Dataset
from forebay.model.intervals import Interval
from forebay.model.rows import row_schema, time_column


def select_rows(
    home: Home, dataset: Dataset, files: Sequence[LakeFile], dates: Interval, tickers: Sequence[str] | None
) -> pl.LazyFrame:
    """Rows of `tickers` (None: of all) on `dates` from files of a table, sorted by ticker bytes, then time."""
    ordered = _in_order(dataset, files, dates, tickers)
    rows = rows_as_stored(home, dataset, ordered or files, dates, tickers)
    return rows if ordered else rows.sort("ticker", time_column(dataset), maintain_order=True)


def rows_as_stored(
    home: Home, dataset: Dataset, files: Sequence[LakeFile], dates: Interval, tickers: Sequence[str] | None
) -> pl.LazyFrame:
    """The same rows, file after file."""
    schema = row_schema(dataset)
    if not files:
        return pl.LazyFrame(schema=schema)
    rows = scan(home, [file.path for file in files]).select(schema.names())
    if not all(file.is_within(dates) for file in files):
        rows = rows.filter(pl.col("session_date").is_between(dates.start, dates.end))
    return rows if tickers is None else rows.filter(_is_one_of(tickers))


def sorted_together(parts: Iterable[pl.LazyFrame], time: str) -> pl.LazyFrame:
    """Several such queries as one, in the same order. Columns that a part has not are null there."""
    each = list(parts)
    return each[0] if len(each) == 1 else pl.concat(each, how="diagonal").sort("ticker", time, maintain_order=True)


def _is_one_of(tickers: Sequence[str]) -> pl.Expr:
    return pl.col("ticker") == tickers[0] if len(tickers) == 1 else pl.col("ticker").is_in(tickers)


def _in_order(
    dataset: Dataset, files: Sequence[LakeFile], dates: Interval, tickers: Sequence[str] | None
) -> list[LakeFile] | None:
    """The files one after the other, where that is the order of their rows; None where rows have to be sorted.

    A file of ours is sorted in itself; a tiled one is as far as one ticker or one day is asked for. So are several of
    them, of one ticker when their dates follow each other, of any when their tickers do.
    """
    if any(file.name is None for file in files):
        return None
    narrow = dates.days == 1 or (tickers is not None and len(tickers) == 1)
    if not narrow and is_tiled(dataset) and any(file.name and file.name.compacted for file in files):
        return None
    if len(files) <= 1:
        return list(files) or None
    if tickers is not None and len(tickers) == 1:
        return list(files) if all(_follows(*pair) for pair in pairwise(files)) else None
    by_ticker = sorted(files, key=lambda file: file.lowest or "")
    bounds = [(file.lowest, file.highest) for file in by_ticker]
    follow = all(one[1] and next_[0] and one[1] < next_[0] for one, next_ in pairwise(bounds))
    return by_ticker if follow else None


def _follows(one: LakeFile, later: LakeFile) -> bool:
    return one.name is not None and later.name is not None and one.name.dates.end < later.name.dates.start
