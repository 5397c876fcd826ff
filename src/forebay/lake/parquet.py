"""The form of the lake's Parquet files: one schema, one layout, tuned for reading one ticker out of a day."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Self

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from forebay.model.instrument import AssetClass
from forebay.model.rows import bar_schema

ROW_GROUP_ROWS = 65_536
"""Rows are sorted by ticker, so a reader of one ticker touches one or two groups; smaller ones compress worse."""

_PAGE_BYTES = 128 << 10
"""Small enough for the compressor to work inside the cache."""

_ARROW = pl.CompatLevel.oldest()
"""Plain Arrow types, which pyarrow writes."""
_PRICES = ("open", "high", "low", "close")
_REPEATING = ["ticker", "session_date", "source", "underlying", "expiration", "option_type", "strike"]
_STEPWISE = {"window_start": "DELTA_BINARY_PACKED"}
"""A ticker's bars are a minute or a day apart: the steps take a few bits where a dictionary of instants takes ten."""
_BOUNDED = ("ticker", "window_start", "session_date", "source", "underlying", "expiration", "strike")
"""Columns that readers filter by; bounds of prices would only cost."""
_PRICE_LEVEL, _LEVEL = 2, 1
"""zstd: on prices level 2 saves a tenth of the file for a tenth of the time; elsewhere higher levels make it larger."""


def arrow_schema(asset_class: AssetClass) -> pa.Schema:
    """The stored columns of an asset class's bars, as Parquet types every engine reads."""
    fields = [
        pa.field(field.name, pa.string() if pa.types.is_large_string(field.type) else field.type)
        for field in no_bars(asset_class).to_arrow(compat_level=_ARROW).schema
    ]
    return pa.schema(fields)


@cache
def no_bars(asset_class: AssetClass) -> pl.DataFrame:
    """A table of bars in the stored columns, without rows: making one takes a millisecond."""
    return pl.DataFrame(schema=bar_schema(asset_class))


class BarWriter:
    """Writes tables one after another into one Parquet file, in row groups of ROW_GROUP_ROWS whatever their sizes.

    The same rows make the same bytes, however they were cut into tables.
    """

    def __init__(self, path: Path, asset_class: AssetClass) -> None:
        self.path = path
        self.rows = 0
        self._columns = no_bars(asset_class).columns
        self._held = [no_bars(asset_class)]
        self._file = pq.ParquetWriter(
            path,
            self._held[0].to_arrow(compat_level=_ARROW).schema,  # large strings; in the file they are plain ones
            compression="zstd",
            compression_level={n: _PRICE_LEVEL if n in _PRICES else _LEVEL for n in self._columns},
            use_dictionary=[name for name in _REPEATING if name in self._columns],
            column_encoding=_STEPWISE,
            data_page_size=_PAGE_BYTES,
            data_page_version="2.0",
            write_statistics=[name for name in _BOUNDED if name in self._columns],
            store_schema=False,
        )

    def write(self, rows: pl.DataFrame) -> None:
        """Append rows with the stored columns, in any column order."""
        self.rows += rows.height
        self._held.append(rows if rows.columns == self._columns else rows.select(self._columns))
        held = sum(table.height for table in self._held)
        if held >= ROW_GROUP_ROWS:
            rows = pl.concat(self._held, rechunk=True)
            whole = held - held % ROW_GROUP_ROWS
            self._put(rows[:whole])
            self._held = [rows[whole:]]

    def close(self) -> None:
        """Write what is left and the footer."""
        self._put(pl.concat(self._held, rechunk=True))
        self._held.clear()
        self._file.close()

    def abandon(self) -> None:
        """Close a file that will not be whole."""
        self._file.close()

    def _put(self, rows: pl.DataFrame) -> None:
        if rows.height:
            self._file.write_table(rows.to_arrow(compat_level=_ARROW), row_group_size=ROW_GROUP_ROWS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()
