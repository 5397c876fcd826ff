"""The bytes of a ticker's file: the same rows make the same bytes, however they come."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, Self

import polars as pl
import pyarrow.parquet as pq

from forebay.bars.csv_text import write_csv
from forebay.files.columns import FILE_ROWS
from forebay.files.names import Form

_GROUP_ROWS = 131_072
"""About half a year of minute bars: small enough to be held, large enough to compress."""
_REPEATING = ["volume", "transactions"]
"""Columns whose values come again; looking for such prices would take most of the time and make the file larger."""
_PLAIN = pl.CompatLevel.oldest()
"""Arrow types that pyarrow writes."""


class Writer(Protocol):
    """Takes rows (FILE_ROWS) in order of time, in tables of any size."""

    rows: int

    def write(self, table: pl.DataFrame) -> None:
        """Append rows."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None: ...


def open_writer(path: Path, form: Form) -> Writer:
    """A writer of a new file. Raises OSError, as its methods do."""
    return _Csv(path) if form is Form.CSV else _Parquet(path)


class _Csv:
    """A header, then rows."""

    def __init__(self, path: Path) -> None:
        self.rows = 0
        self._file = path.open("wb")
        write_csv(pl.DataFrame(schema=FILE_ROWS), self._file, header=True)

    def write(self, table: pl.DataFrame) -> None:
        self.rows += table.height
        write_csv(table, self._file, header=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


class _Parquet:
    """Row groups of _GROUP_ROWS, whatever the sizes of the tables."""

    def __init__(self, path: Path) -> None:
        self.rows = 0
        self._held = pl.DataFrame(schema=FILE_ROWS)
        schema = self._held.to_arrow(compat_level=_PLAIN).schema
        self._file = pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=_REPEATING, store_schema=False)

    def write(self, table: pl.DataFrame) -> None:
        self.rows += table.height
        self._held = pl.concat([self._held, table])
        whole = self._held.height - self._held.height % _GROUP_ROWS
        if whole:
            self._put(self._held[:whole])
            self._held = self._held[whole:]

    def _put(self, table: pl.DataFrame) -> None:
        if table.height:
            self._file.write_table(table.rechunk().to_arrow(compat_level=_PLAIN), row_group_size=_GROUP_ROWS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._put(self._held)
        finally:
            self._file.close()
