"""The vendor's flat files, read as tables: columns by header name, bars' times to microseconds, REST's tickers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import polars as pl

from forebay.ahead import ahead
from forebay.errors import CheckFailed
from forebay.model.catalogue import BARS, Dataset
from forebay.model.instrument import AssetClass
from forebay.model.partition import Source
from forebay.model.rows import BAR_ROWS, COLUMN_TYPES, bad_schema, plain_schema
from forebay.vendor.csv_parse import parse
from forebay.vendor.csv_repair import in_parts, split_rows
from forebay.vendor.gunzip import Received, blocks
from forebay.vendor.spelling import DASHED_PAIR

_NANOS_PER_MICRO = 1000
_MOST_TOLD = 60
"""Characters of a column's name, and columns, that an error repeats: what stands there may be anything."""
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
        return {name: COLUMN_TYPES[self.dataset.columns[name]] for name in self.header}


def read_rows(
    chunks: Iterable[bytes], dataset: Dataset, day: date, received: Received | None = None
) -> Iterator[pl.DataFrame]:
    """Read a day's gzip CSV of any dataset, given as `chunks` of its bytes, block by block.

    Yields tables in the columns of `plain_schema(dataset)`, in the file's order, and, for rows that do not parse,
    tables in those of `bad_schema(dataset)`. A bar's `window_start` is UTC, rounded from nothing: a time with a
    fraction of a microsecond is a bad row. Nanoseconds of trades, quotes and values stay as they are. `received` is
    filled with what came. Raises CheckFailed for a damaged gzip, an unknown or a missing column.
    """
    return ahead(_read(chunks, dataset, day, Received() if received is None else received), "parse", most=2)


def _read(chunks: Iterable[bytes], dataset: Dataset, day: date, received: Received) -> Iterator[pl.DataFrame]:
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
            listed = ", ".join(repr(name[:_MOST_TOLD]) for name in columns[:_MOST_TOLD])
            raise CheckFailed(f"{dataset.key(day)} {fault}: {listed}", remedy=_REPAIR)
    if len(set(names)) != len(names):
        raise CheckFailed(f"{dataset.key(day)} names a column twice: {', '.join(names)}", remedy=_REPAIR)
    return names


def _tables(body: bytes, file: CsvFile, received: Received) -> Iterator[pl.DataFrame]:
    dataset, day = file.dataset, file.day
    rows = parse(body, file.schema, dataset.optional)
    if rows is not None and not (dataset.kind in BARS and (rows["window_start"] % _NANOS_PER_MICRO != 0).any()):
        received.rows += rows.height
        yield rows.select(_columns(dataset, day))
        return
    for part in in_parts(body):
        good, bad = split_rows(part, file.schema, received.rows + 1, dataset.optional)
        received.rows += good.height + bad.height
        if good.height:
            yield good.select(_columns(dataset, day))
        if bad.height:
            given = {name: pl.col(name) for name in bad.columns} | _marks(day)
            yield bad.select(_cast(given, bad_schema(dataset)))


@lru_cache(maxsize=16)
def _columns(dataset: Dataset, day: date) -> list[pl.Expr]:
    """The columns of `plain_schema` from those of a dataset's file."""
    given = {name: pl.col(name) for name in dataset.columns} | _marks(day)
    if dataset.kind in BARS:
        given["window_start"] = (pl.col("window_start") // _NANOS_PER_MICRO).cast(BAR_ROWS["window_start"])
    if dataset.asset_class in _PAIRS:
        given["ticker"] = pl.col("ticker").str.replace(DASHED_PAIR, "${1}${2}")
    return _cast(given, plain_schema(dataset))


def _marks(day: date) -> dict[str, pl.Expr]:
    return {"session_date": pl.lit(day), "source": pl.lit(Source.FLATFILE)}


def _cast(given: dict[str, pl.Expr], schema: pl.Schema) -> list[pl.Expr]:
    """The columns of `schema`, null where there is none of the name."""
    return [given.get(name, pl.lit(None)).cast(kind).alias(name) for name, kind in schema.items()]
