"""A ticker's file as it stands: its columns' names, and its rows in tables of bounded size."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, cast

import polars as pl
import pyarrow.csv as pa_csv

from forebay.files.names import Form, TickerFile

BATCH_ROWS = 131_072
_BLOCK_BYTES = 1024 * 1024
"""Arrow reads some dozens of blocks ahead."""
_GZIP = b"\x1f\x8b"


def column_names(file: TickerFile) -> list[str]:
    """The names in the file's head. Raises OSError, PolarsError, ValueError for a file that is not of its form."""
    if file.form is Form.PARQUET:
        return _scan(file.path).collect_schema().names()
    if not file.path.stat().st_size:
        return []
    with _open(file.path) as source:
        return cast("list[str]", pa_csv.open_csv(source, read_options=_blocks()).schema.names)


def tables(file: TickerFile, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """These columns of all rows; of a CSV file as text. Raises as `column_names`.

    CSV is read a block at a time by Arrow: Polars holds the whole file while it reads.
    """
    if file.form is Form.PARQUET:
        yield from _scan(file.path).select(columns).collect_batches(maintain_order=True, chunk_size=BATCH_ROWS)
        return
    as_text = pa_csv.ConvertOptions(
        include_columns=list(columns),
        column_types=dict.fromkeys(columns, "string"),
        null_values=[""],
        strings_can_be_null=True,
    )
    with _open(file.path) as source:
        for block in pa_csv.open_csv(source, read_options=_blocks(), convert_options=as_text):
            yield pl.DataFrame({name: pl.Series(block.column(name)) for name in columns})


def _scan(path: Path) -> pl.LazyFrame:
    return pl.scan_parquet(path, hive_partitioning=False, glob=False)


def _blocks() -> pa_csv.ReadOptions:
    return pa_csv.ReadOptions(block_size=_BLOCK_BYTES)


def _open(path: Path) -> IO[bytes]:
    """The file's text, also where it was compressed, whatever its name says."""
    with path.open("rb") as file:
        packed = file.read(len(_GZIP)) == _GZIP
    return cast("IO[bytes]", gzip.open(path)) if packed else path.open("rb")
