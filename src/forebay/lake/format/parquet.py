"""The form of the lake's Parquet files: one schema, one layout, tuned for reading one ticker out of a day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Self

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from forebay.lake.format.encodings import PAGE_BYTES, TILE_PAGE_ROWS, dictionaries, encodings, levels
from forebay.lake.format.runs import encodable
from forebay.model.catalogue import Dataset
from forebay.model.rows import row_schema, time_column

ROW_GROUP_ROWS = 65_536
"""Rows are sorted by ticker, so a reader of one ticker touches one or two groups; smaller ones compress worse."""

_ARROW = pl.CompatLevel.oldest()
"""Plain Arrow types, which pyarrow writes."""
_BOUNDED = ("session_date", "source", "underlying", "expiration", "strike")


def arrow_schema(dataset: Dataset) -> pa.Schema:
    """The stored columns of a dataset, as Parquet types every engine reads."""
    fields = [
        pa.field(field.name, pa.string() if pa.types.is_large_string(field.type) else field.type)
        for field in no_rows(dataset).to_arrow(compat_level=_ARROW).schema
    ]
    return pa.schema(fields)


@cache
def no_rows(dataset: Dataset) -> pl.DataFrame:
    """A table in the stored columns, without rows: making one takes a millisecond."""
    return pl.DataFrame(schema=row_schema(dataset))


@cache
def _bounded(dataset: Dataset) -> list[str]:
    """Columns that readers filter by; bounds of prices would only cost."""
    wanted = ("ticker", time_column(dataset), *_BOUNDED)
    return [name for name in row_schema(dataset) if name in wanted]


class RowWriter:
    """Writes tables one after another into one Parquet file, in row groups of `group_rows` whatever their sizes.

    The same rows make the same bytes, however they were cut into tables.
    """

    def __init__(self, path: Path, dataset: Dataset, group_rows: int | None = None, *, tiled: bool = False) -> None:
        self.path = path
        self.rows = 0
        self._dataset = dataset
        self._group_rows = group_rows or ROW_GROUP_ROWS
        self._columns = no_rows(dataset).columns
        self._held, packed = [no_rows(dataset)], levels(dataset, tiled=tiled)
        self._file = pq.ParquetWriter(
            path,
            encodable(self._held[0]).schema,  # dictionaries and large strings; in the file they are plain ones
            compression={name: "zstd" if name in packed else "none" for name in self._columns},
            compression_level=packed,
            use_dictionary=dictionaries(dataset, tiled=tiled),
            column_encoding=encodings(dataset, tiled=tiled) or None,
            data_page_size=PAGE_BYTES,
            max_rows_per_page=TILE_PAGE_ROWS if tiled else self._group_rows,
            data_page_version="2.0",
            write_statistics=_bounded(dataset),
            write_page_checksum=True,  # a bit that turns on disk is found: zstd would read many of them as other values
            store_schema=False,
        )

    def write(self, rows: pl.DataFrame) -> None:
        """Append rows with the stored columns, in any column order."""
        self.rows += rows.height
        self._held.append(rows if rows.columns == self._columns else rows.select(self._columns))
        held = sum(table.height for table in self._held)
        if held >= self._group_rows:
            rows = pl.concat(self._held)
            whole = held - held % self._group_rows
            self._put(rows[:whole])
            self._held = [rows[whole:]]

    def groups(self, rows: pl.DataFrame, sizes: Iterable[int]) -> None:
        """Append rows at once as row groups of these sizes; for a file that is written in no other way."""
        self.rows += rows.height
        table, start = encodable(rows.select(self._columns)), 0
        for size in sizes:
            self._file.write_table(table.slice(start, size), row_group_size=self._group_rows)
            start += size

    def note(self, facts: Mapping[str, str]) -> None:
        """Put words of our own into the footer, by key; before `close`."""
        self._file.add_key_value_metadata(dict(facts))

    def close(self) -> None:
        """Write what is left and the footer."""
        self._put(pl.concat(self._held))
        self._held.clear()
        self._file.close()

    def abandon(self) -> None:
        """Close a file that will not be whole."""
        self._file.close()

    def _put(self, rows: pl.DataFrame) -> None:
        if rows.height:
            self._file.write_table(encodable(rows), row_group_size=self._group_rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()
