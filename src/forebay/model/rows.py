"""The columns in which rows travel from the vendor's room to the lake's, and in which the lake stores them."""

from __future__ import annotations

from functools import cache

import polars as pl

from forebay.model.catalogue import BARS, Column, Dataset
from forebay.model.instrument import AssetClass

BAR_ROWS = pl.Schema(
    {
        "ticker": pl.String(),
        "window_start": pl.Datetime("us", "UTC"),
        "open": pl.Float64(),
        "high": pl.Float64(),
        "low": pl.Float64(),
        "close": pl.Float64(),
        "volume": pl.Float64(),
        "vwap": pl.Float64(),
        "transactions": pl.Int64(),
        "session_date": pl.Date(),
        "source": pl.String(),
    }
)
"""One bar. Prices are raw, as the vendor published them (unadjusted); volume in shares, contracts or coins; `vwap`
and `transactions` are null where the source has none. `source` is a `forebay.model.partition.Source`."""

OPTION_ROWS = pl.Schema(
    {
        "underlying": pl.String(),
        "expiration": pl.Date(),
        "option_type": pl.String(),
        "strike": pl.Float64(),
    }
)
"""What an option's ticker says, as columns of their own; null where a ticker is not of the option form."""

_WHY_BAD = {"reason": pl.String(), "text": pl.String()}
BAD_ROWS = pl.Schema({**BAR_ROWS, **_WHY_BAD})
"""A bar that failed: why, and the line as it came where it could not be parsed. Its other columns may be null."""

COLUMN_TYPES = {
    Column.TEXT: pl.String(),
    Column.FLOAT: pl.Float64(),
    Column.INT: pl.Int64(),
    Column.NANOS: pl.Int64(),
}
"""How a column of a flat file is kept: an empty text is an empty text, never null, and nanoseconds stay integers."""

TIME_COLUMNS = ("window_start", "sip_timestamp", "participant_timestamp", "timestamp")
"""What rows of one ticker are sorted by: the first of these that a dataset has."""


@cache
def row_schema(dataset: Dataset) -> pl.Schema:
    """The columns that the lake stores of a dataset: those of `plain_schema`, for options also those of OPTION_ROWS."""
    if dataset.asset_class is AssetClass.OPTIONS:
        return pl.Schema({**plain_schema(dataset), **OPTION_ROWS})
    return plain_schema(dataset)


@cache
def plain_schema(dataset: Dataset) -> pl.Schema:
    """The columns in which a dataset's rows come to the lake.

    Bars have those of BAR_ROWS, and what their files have beyond them. Trades, quotes and values have every column of
    the file under the vendor's name, in file order, then `session_date` and `source`.
    """
    columns = {name: COLUMN_TYPES[kind] for name, kind in dataset.columns.items()}
    if dataset.kind in BARS:
        return pl.Schema({**BAR_ROWS, **{name: kind for name, kind in columns.items() if name not in BAR_ROWS}})
    return pl.Schema({**columns, "session_date": pl.Date(), "source": pl.String()})


@cache
def bad_schema(dataset: Dataset) -> pl.Schema:
    """The columns of a dataset's rows that failed a check: those they came in, the reason, and the line's text."""
    return pl.Schema({**plain_schema(dataset), **_WHY_BAD})


def time_column(dataset: Dataset) -> str:
    """The column that rows of one ticker are sorted by: `window_start` (UTC) for bars, else one in nanoseconds."""
    return next(name for name in TIME_COLUMNS if name in dataset.columns)
