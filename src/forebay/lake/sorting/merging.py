"""Sorted runs become one, a piece at a time: memory holds what is left of a row group of each run, and a piece."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import polars as pl

from forebay.errors import LakeError
from forebay.lake.format import tiles
from forebay.lake.sorting.runs import Run, cuts
from forebay.lake.sorting.sums import Sums, sums_of

RANGE_ROWS = 1 << 20
"""Rows looked for at a time, to be cut into pieces."""


class Merge:
    """The rows of `runs` in pieces, by ticker; inside a piece they stand as in a file, `compacted` or not.

    A ticker is in one piece, unless it fills one alone: what is over follows, later in time. Equal rows stay by run,
    then as they stood in it. Iterate once; `read` then says what the rows add up to. Runs are best given in the order
    of their dates: what stands in order when put one after the other is not sorted.
    """

    def __init__(self, runs: Sequence[Run], *, compacted: bool, rows: int | None = None) -> None:
        self.read = Sums()
        self._runs = runs
        self._rows = rows or tiles.TILE_ROWS
        self._order = tiles.order(runs[0].dataset, compacted=compacted)
        self._last = ""

    def __iter__(self) -> Iterator[pl.DataFrame]:
        held: list[pl.DataFrame] = []
        for key in cuts(self._runs, RANGE_ROWS):
            found = [rows for run in self._runs if (rows := run.until(key)) is not None and rows.height]
            self.read = sum(map(sums_of, found), self.read)
            *whole, held = _cut(held + found, self._rows) if found else [held]
            yield from map(self._piece, whole)
        if held:
            yield self._piece(held)

    def _piece(self, parts: list[pl.DataFrame]) -> pl.DataFrame:
        """Parts, each sorted by ticker and time, as one."""
        rows = pl.concat(sorted(parts, key=lambda part: part["session_date"][0]), rechunk=True)
        parts.clear()
        rows = rows if _rises(rows, self._order) else rows.sort(self._order, maintain_order=True)
        first, last = str(rows["ticker"].min()), str(rows["ticker"].max())
        if first < self._last:
            paths = ", ".join(run.path for run in self._runs)
            raise LakeError(
                f"rows of {first} came after {self._last}: not all of these files are sorted: {paths}",
                remedy="load their days again: forebay lake load --again",
            )
        self._last = last
        return rows


def _cut(parts: list[pl.DataFrame], rows: int) -> list[list[pl.DataFrame]]:
    """Parts cut between tickers into pieces of about `rows` rows; the last is what does not fill one."""
    last = _last_tickers(parts, rows)
    pieces: list[list[pl.DataFrame]] = [[] for _ in range(last.len() + 1)]
    for part in parts:
        ends = [0, *part["ticker"].search_sorted(last, side="right"), part.height]
        for piece, (start, end) in zip(pieces, pairwise(ends), strict=True):
            if start < end:
                piece.append(part[start:end])
    return pieces


def _last_tickers(parts: Sequence[pl.DataFrame], rows: int) -> pl.Series:
    """Of each piece that is full."""
    stretches = pl.concat([part["ticker"].rle().struct.unnest() for part in parts])
    tickers = stretches.group_by("value").agg(pl.col("len").sum().cast(pl.Int64)).sort("value")
    full = pl.col("len").cum_sum() // rows
    return tickers.filter(full > full.shift(fill_value=0))["value"]


def _rises(rows: pl.DataFrame, order: Sequence[str]) -> bool:
    """Whether rows stand in an order already."""
    follows = pl.lit(value=True)
    for key in reversed(order):
        here, before = pl.col(key), pl.col(key).shift()
        follows = (before < here) | ((before == here) & follows)
    return bool(rows.select(follows.all()).item())  # nothing is before the first
