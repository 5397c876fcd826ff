"""Sorted runs become one, a range of keys at a time: memory holds a range, and what is left of a row group of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from forebay.errors import LakeError
from forebay.lake.sorting.runs import Key, Run, cuts
from forebay.lake.sorting.sums import Sums, sums_of
from forebay.model.rows import time_column

RANGE_ROWS = 1 << 19
"""Rows merged at a time."""

_Places = npt.NDArray[np.int64]


class Merge:
    """The rows of `runs` in order: by ticker, then time; among equals, by run, then as they stood in it.

    Iterate once; `read` then says what the rows add up to. Runs are best given in the order of their dates.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self.read = Sums()
        self._runs = runs
        self._last = ""

    def __iter__(self) -> Iterator[pl.DataFrame]:
        for key in cuts(self._runs, RANGE_ROWS):
            found = self._until(key)
            if found is not None:
                self._prove_order(found)
                yield found
                del found  # whoever took it may let go of it before the next is made

    def _prove_order(self, rows: pl.DataFrame) -> None:
        """Rows follow those before them; they would not if a run were not sorted. Raises LakeError."""
        if rows["ticker"][0] < self._last:
            paths = ", ".join(run.path for run in self._runs)
            raise LakeError(
                f"rows of {rows['ticker'][0]} came after {self._last}: not all of these files are sorted: {paths}",
                remedy="load their days again: forebay lake load --again",
            )
        self._last = rows["ticker"][-1]

    def _until(self, key: Key) -> pl.DataFrame | None:
        parts = [rows for run in self._runs if (rows := run.until(key)) is not None and rows.height]
        if not parts:
            return None
        pieces, rows = _pieces(parts), pl.concat(parts, rechunk=True)
        single = len(parts) == 1
        parts.clear()
        self.read += sums_of(rows)
        return rows if single else _in_order(rows, pieces, time_column(self._runs[0].dataset))


def _in_order(rows: pl.DataFrame, pieces: pl.DataFrame, time: str) -> pl.DataFrame:
    """Sorted. Whole stretches of a ticker are moved; a sort is left to tickers whose times overlap."""
    moved = rows[_places(pieces)]
    return moved if _rises(moved[time], pieces) else moved.sort("ticker", time, maintain_order=True)


def _pieces(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Stretches of one ticker in one part: `value`, `len` and where they `start`, in the order in which they belong."""
    found, start = [], 0
    for part in parts:
        stretches = part["ticker"].rle().struct.unnest().with_columns(pl.col("len").cast(pl.Int64))
        found.append(stretches.with_columns(start=pl.col("len").cum_sum() - pl.col("len") + start))
        start += part.height
    return pl.concat(found).sort("value", maintain_order=True)


def _places(pieces: pl.DataFrame) -> _Places:
    """For each row of the result, where it stands now."""
    lengths, starts = pieces["len"].to_numpy(), pieces["start"].to_numpy()
    ends = np.cumsum(lengths)
    return np.repeat(starts - (ends - lengths), lengths) + np.arange(ends[-1])


def _rises(times: pl.Series, pieces: pl.DataFrame) -> bool:
    """Whether times never fall within a ticker."""
    stored = times.to_physical().to_numpy()
    falls = stored[1:] < stored[:-1]
    heads = (pieces["value"] != pieces["value"].shift(1)).fill_null(value=True).to_numpy()
    starts = (np.cumsum(pieces["len"].to_numpy()) - pieces["len"].to_numpy())[heads]
    falls[starts[1:] - 1] = False
    return not bool(falls.any())
