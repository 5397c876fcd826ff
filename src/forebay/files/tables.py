"""A ticker's file as it stands: its columns' names, and its rows in tables of bounded size."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, cast

import polars as pl

from forebay.files.names import Form, TickerFile

BATCH_ROWS = 131_072
_BLOCK_BYTES = 8 * 1024 * 1024
_GZIP = b"\x1f\x8b"


def column_names(file: TickerFile) -> list[str]:
    """The names in the file's head. Raises OSError, PolarsError, EOFError, zlib.error when it is not of its form."""
    if file.form is Form.PARQUET:
        return _scan(file.path).collect_schema().names()
    with _open(file.path) as source:
        return pl.read_csv(source.readline(), infer_schema=False, raise_if_empty=False).columns


def tables(file: TickerFile, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """These columns of all rows; of a CSV file as text. Raises as `column_names`.

    CSV is cut into blocks of whole lines here: Polars holds the whole file while it reads.
    """
    if file.form is Form.PARQUET:
        yield from _scan(file.path).select(columns).collect_batches(maintain_order=True, chunk_size=BATCH_ROWS)
        return
    with _open(file.path) as source:
        head = source.readline()
        while block := source.read(_BLOCK_BYTES):
            lines = head + block + source.readline()
            yield pl.read_csv(lines, infer_schema=False).select(columns)


def _scan(path: Path) -> pl.LazyFrame:
    return pl.scan_parquet(path, hive_partitioning=False, glob=False)


def _open(path: Path) -> IO[bytes]:
    """The file's text, also where it was compressed, whatever its name says."""
    with path.open("rb") as file:
        packed = file.read(len(_GZIP)) == _GZIP
    return cast("IO[bytes]", gzip.open(path)) if packed else path.open("rb")
