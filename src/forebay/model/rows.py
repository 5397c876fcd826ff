"""The columns in which rows travel from the vendor's room to the lake's, and in which the lake stores them."""

from __future__ import annotations

import polars as pl

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

BAD_ROWS = pl.Schema({**BAR_ROWS, "reason": pl.String(), "text": pl.String()})
"""A row that failed: why, and the line as it came where it could not be parsed. Its other columns may be null."""


def bar_schema(asset_class: AssetClass) -> pl.Schema:
    """The stored columns of an asset class's bar tables."""
    if asset_class is AssetClass.OPTIONS:
        return pl.Schema({**BAR_ROWS, **OPTION_ROWS})
    return BAR_ROWS
