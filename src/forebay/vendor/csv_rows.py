"""The vendor's flat files of bars, read as tables: columns by header name, times to microseconds, REST's tickers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import polars as pl

from forebay.errors import CheckFailed
from forebay.model.catalogue import BAR_DATASETS, Column, Dataset
from forebay.model.instrument import AssetClass
from forebay.model.partition import Source
from forebay.model.rows import BAR_ROWS
from forebay.vendor.csv_repair import split_rows
from forebay.vendor.gunzip import Received, blocks
from forebay.vendor.spelling import DASHED_PAIR

_TYPES = {Column.TEXT: pl.String(), Column.FLOAT: pl.Float64(), Column.INT: pl.Int64(), Column.NANOS: pl.Int64()}
_NANOS_PER_MICRO = 1000
_PAIRS = (AssetClass.CRYPTO, AssetClass.FOREX)


@dataclass(frozen=True, slots=True)
class CsvFile:
    """One flat file: what it is, and in which order its columns stand."""

    dataset: Dataset
    day: date
    header: tuple[str, ...]

    @property
    def key(self) -> str:
        """Its key, as errors name it."""
        return self.dataset.key(self.day)

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """Polars types in file order."""
        return {name: _TYPES[self.dataset.columns[name]] for name in self.header}


def read_bars(
    chunks: Iterable[bytes], dataset: Dataset, day: date, received: Received | None = None
) -> Iterator[pl.DataFrame]:
    """Read a day's gzip CSV of bars, given as `chunks` of its bytes, block by block.

    Yields tables in the columns of BAR_ROWS, and, for rows that do not parse, tables in those of BAD_ROWS.
    `window_start` is UTC, rounded from nothing: a time with a fraction of a microsecond is a bad row. `received`
    is filled with what came. Raises CheckFailed for a damaged gzip, an unknown or a missing column.
    """
    received = received if received is not None else Received()
    file: CsvFile | None = None
    for block in blocks(chunks, dataset.key(day), received):
        body = block
        if file is None:
            line, _, body = block.partition(b"\n")
            file = CsvFile(dataset, day, read_header(line, dataset, day))
        yield from _tables(body, file, received)
    if file is None:
        raise CheckFailed(f"{dataset.key(day)} is empty: it has no header row", remedy=_REPAIR)


_REPAIR = "the file is kept in quarantine; load it again after the vendor repairs it or Forebay learns its columns"


def read_header(line: bytes, dataset: Dataset, day: date) -> tuple[str, ...]:
    """The column names of a header row. Raises CheckFailed unless they are the dataset's, in any order."""
    names = tuple(line.decode("utf-8", "replace").removeprefix("\ufeff").strip("\r\n").replace('"', "").split(","))
    unknown = [name for name in names if name not in dataset.columns]
    missing = [name for name in dataset.columns if name not in names]
    for columns, fault in ((unknown, "has an unknown column"), (missing, "lacks the column")):
        if columns:
            listed = ", ".join(repr(name) for name in columns)
            raise CheckFailed(f"{dataset.key(day)} {fault}: {listed}", remedy=_REPAIR)
    if len(set(names)) != len(names):
        raise CheckFailed(f"{dataset.key(day)} names a column twice: {', '.join(names)}", remedy=_REPAIR)
    return names


def _tables(body: bytes, file: CsvFile, received: Received) -> Iterator[pl.DataFrame]:
    rows = _parse(body, file)
    if rows is not None:
        received.rows += rows.height
        yield rows.select(_bar_columns(file.dataset.table, file.day))
        return
    good, bad = split_rows(body, file.schema, first_row=received.rows + 1)
    received.rows += good.height + bad.height
    if good.height:
        yield good.select(_bar_columns(file.dataset.table, file.day))
    if bad.height:
        yield bad.with_columns(pl.lit(file.day).alias("session_date"), pl.lit(Source.FLATFILE).alias("source"))


def _parse(body: bytes, file: CsvFile) -> pl.DataFrame | None:
    """The rows of a block, typed; None when one of them needs a closer look."""
    if not body:
        return pl.DataFrame(schema=file.schema)
    try:
        rows = pl.read_csv(
            body,
            has_header=False,
            schema=file.schema,
            quote_char='"' if b'"' in body else None,
            empty_string_is_null=False,
        )
    except pl.exceptions.PolarsError:
        return None  # split_rows finds the rows at fault and says what is wrong with each
    whole = (pl.col("window_start") % _NANOS_PER_MICRO == 0).all()
    if sum(column.null_count() for column in rows) or not rows.select(whole).item():
        return None
    return rows


@lru_cache(maxsize=4)
def _bar_columns(table: str, day: date) -> list[pl.Expr]:
    """The columns of BAR_ROWS from those of a dataset's file."""
    dataset = BAR_DATASETS[table]
    micros = (pl.col("window_start") // _NANOS_PER_MICRO).cast(BAR_ROWS["window_start"])
    given = {"window_start": micros, "session_date": pl.lit(day), "source": pl.lit(Source.FLATFILE)}
    if dataset.asset_class in _PAIRS:
        given["ticker"] = pl.col("ticker").str.replace(DASHED_PAIR, "${1}${2}")
    return [
        given.get(name, pl.col(name) if name in dataset.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in BAR_ROWS.items()
    ]
