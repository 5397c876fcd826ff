"""The order of rows in a compacted file of minute bars or ticks: tile by tile, each a row group for every session date.

A tile has the rows of some tickers. Who asks for one ticker decodes one tile's row groups, who asks for one day those
of the day from every tile; rows that are sorted by ticker alone would make the second decode the whole month.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Self

import polars as pl

from forebay.lake.format.parquet import RowWriter
from forebay.model.catalogue import Dataset, Kind

TILE_ROWS = 1 << 16
"""Rows of a tile, about. Of fewer the files are larger and a day takes longer, of more a ticker does."""
GROUP_ROWS = 1 << 14
"""Rows in a row group of day bars, which stand by ticker and time: a year's are too few for a row group a day."""
_DAY = "session_date"


def is_tiled(dataset: Dataset) -> bool:
    """Whether compacted files of these rows are in tiles; the others are sorted from end to end."""
    return dataset.kind is not Kind.BARS_1D


class CompactedWriter:
    """Writes rows, which come by ticker, then time, into one compacted file."""

    def __init__(self, path: Path, dataset: Dataset) -> None:
        self.path = path
        self.rows = 0
        self._file = RowWriter(path, dataset) if is_tiled(dataset) else RowWriter(path, dataset, GROUP_ROWS)
        self._tiled = is_tiled(dataset)
        self._held: list[pl.DataFrame] = []
        self._count = 0

    def write(self, rows: pl.DataFrame) -> None:
        """Append rows that follow those before. Memory holds a tile, and what came with its end."""
        self.rows += rows.height
        if not self._tiled:
            self._file.write(rows)
            return
        self._held.append(rows)
        self._count += rows.height
        while self._count >= TILE_ROWS:
            held = pl.concat(self._held)
            end = _end(held["ticker"])
            self._put(held[:end])
            self._held, self._count = [held[end:]], held.height - end

    def note(self, facts: Mapping[str, str]) -> None:
        """Put words of our own into the footer, by key; before `close`."""
        self._file.note(facts)

    def close(self) -> None:
        """Write what is left and the footer."""
        if self._count:
            self._put(pl.concat(self._held))
            self._held.clear()
        self._file.close()

    def abandon(self) -> None:
        """Close a file that will not be whole."""
        self._file.abandon()

    def _put(self, tile: pl.DataFrame) -> None:
        for rows in tile.sort(_DAY, maintain_order=True).partition_by(_DAY, maintain_order=True):
            self._file.group(rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()


def _end(ticker: pl.Series) -> int:
    """Where a tile ends: after the ticker that fills it, before one that may go on, or within one that fills it alone.

    The rows of a single ticker stand by time whatever tiles they are in.
    """
    last = ticker[TILE_ROWS - 1]
    end = int(ticker.search_sorted(last, side="right"))
    return end if end < ticker.len() else int(ticker.search_sorted(last, side="left")) or end
