"""What an option's ticker says, as columns beside its bars."""

from __future__ import annotations

from datetime import date

import polars as pl

from forebay.model.instrument import parse_option
from forebay.model.rows import OPTION_ROWS


def with_option_columns(rows: pl.DataFrame) -> pl.DataFrame:
    """Add the columns of OPTION_ROWS; null where a ticker is not of the option form. Order is kept."""
    tickers = rows.get_column("ticker").unique()
    parts = pl.DataFrame([_parts(ticker) for ticker in tickers], schema=OPTION_ROWS, orient="row")
    return rows.join(parts.with_columns(tickers), on="ticker", how="left", maintain_order="left")


def _parts(ticker: str) -> tuple[str | None, date | None, str | None, float | None]:
    option = parse_option(ticker)
    if option is None:
        return None, None, None, None
    return option.underlying, option.expiration, option.option_type, option.strike
