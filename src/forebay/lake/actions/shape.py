"""The tables of corporate actions: what the vendor said, field for field, and what became known of it when."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

_BOOK = {
    "flag": pl.String(),
    "first_seen_at": pl.Datetime("us", "UTC"),
    "changed_at": pl.Datetime("us", "UTC"),
    "withdrawn_at": pl.Datetime("us", "UTC"),
}
"""What Forebay adds. `flag`: why the row is doubted, null for one that is not; a doubted row changes no bar unless it
is confirmed. `changed_at`: when the vendor last changed it, rewritten factors apart. `withdrawn_at`: when the vendor
was first seen to list it no more; a row never leaves its table."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One table: its name in the lake, the columns that the vendor fills, the one that identifies a row."""

    table: str
    vendor: pl.Schema
    key: str
    day: str
    """The date that a row is about; the table is partitioned by its year."""
    ours: pl.Schema

    @property
    def columns(self) -> pl.Schema:
        """All columns, in order."""
        return pl.Schema({**self.vendor, **self.ours})


SPLITS = Shape(
    "stocks/splits",
    pl.Schema(
        {
            "id": pl.String(),
            "ticker": pl.String(),
            "execution_date": pl.Date(),
            "split_from": pl.Float64(),
            "split_to": pl.Float64(),
            "adjustment_type": pl.String(),
            "historical_adjustment_factor": pl.Float64(),
        }
    ),
    "id",
    "execution_date",
    pl.Schema(_BOOK),
)
DIVIDENDS = Shape(
    "stocks/dividends",
    pl.Schema(
        {
            "id": pl.String(),
            "ticker": pl.String(),
            "ex_dividend_date": pl.Date(),
            "cash_amount": pl.Float64(),
            "currency": pl.String(),
            "declaration_date": pl.Date(),
            "record_date": pl.Date(),
            "pay_date": pl.Date(),
            "frequency": pl.Int64(),
            "distribution_type": pl.String(),
            "dividend_type": pl.String(),
            "split_adjusted_cash_amount": pl.Float64(),
            "historical_adjustment_factor": pl.Float64(),
        }
    ),
    "id",
    "ex_dividend_date",
    pl.Schema({"previous_close": pl.Float64(), **_BOOK}),
)
"""`previous_close`: the last raw close before the ex-date that the lake held, in the ex-date's shares; null where it
held none in the month before."""
EVENTS = Shape(
    "stocks/ticker_events",
    pl.Schema(
        {
            "id": pl.String(),
            "instrument": pl.String(),
            "ticker": pl.String(),
            "first_date": pl.Date(),
            "last_date": pl.Date(),
            "name": pl.String(),
            "composite_figi": pl.String(),
            "cik": pl.String(),
        }
    ),
    "id",
    "first_date",
    pl.Schema(_BOOK),
)
"""One row for each ticker that an instrument bore, from `first_date` to `last_date` (null: still, or to its end).
`instrument` is its composite FIGI, or its first ticker and day where it has none."""
SHAPES = (SPLITS, DIVIDENDS, EVENTS)
