"""One number for the content of a table, row for row: the proof that two lakes hold the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import polars as pl

from forebay.model.catalogue import Dataset
from forebay.model.rows import plain_schema

CONTENT = ("ticker", "window_start", "open", "high", "low", "close", "volume", "vwap", "transactions", "session_date")
"""What a bar says. `source` is left out: the same bar from a file and from REST is the same bar."""


def content_of(dataset: Dataset) -> tuple[str, ...]:
    """What a row of a dataset says: the columns it came in, but `source`. An option's parts are in its ticker."""
    return tuple(name for name in plain_schema(dataset) if name != "source")


def digest(tables: Iterable[pl.DataFrame], columns: Sequence[str] = CONTENT) -> str:
    """A digest of rows, independent of their order and of how they are cut into tables, dependent on every value.

    A row that stands there twice counts twice: trades and quotes may be alike to the last column.

    Each row is hashed to 64 bits twice with different seeds; counts and both sums (mod 2^64) are hashed together.
    -0.0 counts as 0.0. Values must have the types of `plain_schema`. Hashes are those of the Polars version in
    use: compare digests made by one version, do not store them.
    """
    rows, sums = 0, [0, 0]
    for table in tables:
        told = table.select(columns)
        rows += told.height
        for index, seed in enumerate((1, 2)):
            sums[index] = (sums[index] + int(told.hash_rows(seed=seed).cast(pl.UInt128).sum())) % 2**64
    return hashlib.sha256(f"{','.join(columns)}|{rows}|{sums[0]}|{sums[1]}".encode()).hexdigest()
