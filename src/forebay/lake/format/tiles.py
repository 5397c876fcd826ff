"""The order of rows in a compacted file of minute bars or ticks: tile by tile, each a row group for every session date.

A tile has the rows of some tickers. Who asks for one ticker decodes one tile's row groups, who asks for one day those
of the day from every tile; rows that are sorted by ticker alone would make the second decode the whole month.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from forebay.lake.format.parquet import RowWriter
from forebay.model.catalogue import Dataset, Kind
from forebay.model.rows import time_column

TILE_ROWS = 1 << 17
"""Rows of a tile, about. Of fewer the files are larger and a day takes longer, of more a ticker does."""
GROUP_ROWS = 1 << 14
"""Rows in a row group of day bars, which stand by ticker and time: a year's are too few for a row group a day."""
_DAY = "session_date"


def is_tiled(dataset: Dataset) -> bool:
    """Whether compacted files of these rows are in tiles; the others are sorted from end to end."""
    return dataset.kind is not Kind.BARS_1D


def order(dataset: Dataset, *, compacted: bool) -> list[str]:
    """The columns by which rows stand in a file, in a compacted one those of a tile."""
    sorted_by = ["ticker", time_column(dataset)]
    return [_DAY, *sorted_by] if compacted and is_tiled(dataset) else sorted_by


def compacted_writer(path: Path, dataset: Dataset) -> RowWriter:
    """Writes pieces of whole tickers, in the `order` of the file, into one compacted file."""
    return TileWriter(path, dataset, tiled=True) if is_tiled(dataset) else RowWriter(path, dataset, GROUP_ROWS)


class TileWriter(RowWriter):
    """Each table that is written is a tile."""

    def write(self, rows: pl.DataFrame) -> None:
        """Append a tile, sorted by session date first."""
        self.groups(rows, rows[_DAY].rle().struct.field("len"))
