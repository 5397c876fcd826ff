"""What a file of one ticker's bars holds."""

from __future__ import annotations

import polars as pl

FILE_ROWS = pl.Schema(
    {
        "timestamp": pl.Datetime("us", "UTC"),
        "open": pl.Float64(),
        "high": pl.Float64(),
        "low": pl.Float64(),
        "close": pl.Float64(),
        "volume": pl.Float64(),
        "vwap": pl.Float64(),
        "transactions": pl.Int64(),
    }
)
"""One bar; `timestamp` is the start of its window. Prices are raw; `vwap` and `transactions` are null where the source
has none. The ticker is the file's name."""

PRICES = ("open", "high", "low", "close")


def as_file_rows(bars: pl.DataFrame) -> pl.DataFrame:
    """Bars of one ticker in BAR_ROWS columns as a file has them."""
    return bars.rename({"window_start": "timestamp"}).select(FILE_ROWS.names())
