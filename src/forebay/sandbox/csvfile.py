"""One day of one dataset as the vendor's gzip CSV: the catalogue's columns in the spelling of the time."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import date
from io import BytesIO

import polars as pl

from forebay.model.catalogue import BARS, Column, Dataset, Kind
from forebay.model.instrument import AssetClass
from forebay.sandbox.cells import Cell
from forebay.sandbox.market import Market
from forebay.sandbox.prints import futures_bars, prints_frame
from forebay.sandbox.quotes import quotes_frame
from forebay.sandbox.spelling import file_ticker
from forebay.sandbox.trades import FRACTIONS_FROM

_DECIMALS = 6
_FAST = 1


def day_table(market: Market, dataset: Dataset, day: date) -> pl.DataFrame:
    """The rows of a day's file, with the dataset's columns in file order and tickers in file spelling."""
    pieces = list(day_tables(market, dataset, day))
    return pl.concat(pieces) if pieces else pl.DataFrame({name: [] for name in dataset.columns})


def day_tables(market: Market, dataset: Dataset, day: date) -> Iterator[pl.DataFrame]:
    """The same in pieces of whole tickers, for days that are larger than memory."""
    cells = [cell for cell in market.day_cells(dataset.asset_class, day) if _is_in(dataset, cell)]
    if dataset.kind in BARS:
        rows = market.day_frames(dataset.asset_class, day)[dataset.kind]
        pieces = iter([futures_bars(rows, cells) if dataset.asset_class is AssetClass.FUTURES else rows])
    else:
        columns_of = quotes_frame if dataset.kind is Kind.QUOTES else prints_frame
        pieces = (columns_of(tape) for tape in market.tapes(cells))
    for piece in pieces:
        yield _spelled(piece).select(list(dataset.columns))


def render(dataset: Dataset, day: date, table: pl.DataFrame) -> bytes:
    """The file's bytes."""
    return gzip.compress(text(dataset, day, table), compresslevel=_FAST, mtime=0)


def text(dataset: Dataset, day: date, table: pl.DataFrame, *, header: bool = True) -> bytes:
    """Rows as CSV. Stocks are written with six decimals from the first fractional session on, shortest before."""
    stocks = dataset.asset_class is AssetClass.STOCKS
    long = stocks and day >= FRACTIONS_FROM
    floats = [name for name, kind in dataset.columns.items() if kind is Column.FLOAT]
    if not long:
        table = table.with_columns(pl.col(floats).cast(pl.String()).str.strip_suffix(".0"))
    if dataset.kind is Kind.TRADES and not stocks and "size" not in floats:
        table = table.with_columns(pl.col("size").cast(pl.Int64()))
    table = table.with_columns(pl.col(pl.String).replace("", None))  # an empty field has no quotes around it
    buffer = BytesIO()
    table.write_csv(buffer, include_header=header, float_precision=_DECIMALS if long else None)
    return buffer.getvalue()


def _is_in(dataset: Dataset, cell: Cell) -> bool:
    """Futures have files for each venue; other classes have one file for all."""
    return dataset.venue in ("", cell.instrument.venue)


def _spelled(rows: pl.DataFrame) -> pl.DataFrame:
    tickers = rows["ticker"].unique().to_list()
    return rows.with_columns(pl.col("ticker").replace({ticker: file_ticker(ticker) for ticker in tickers}))
