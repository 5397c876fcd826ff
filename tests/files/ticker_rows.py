"""What the tests of ticker files share: bars of one ticker, and pieces of session dates of New York."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import polars as pl

from forebay.files.columns import FILE_ROWS
from forebay.files.update import Piece

MARCH = 5
"""Hours from midnight in UTC to midnight in New York, in early March."""


def bars(days: Sequence[int], count: int = 3, price: float = 10.0) -> pl.DataFrame:
    """`count` minute bars from 14:30 UTC on each of these days of March 2024."""
    prices = (price, price + 1, price - 1, price + 0.5)
    rows = [
        (datetime(2024, 3, day, 14, 30, tzinfo=UTC) + timedelta(minutes=minute), *prices, 100.0 + minute, None, 7)
        for day in days
        for minute in range(count)
    ]
    return pl.DataFrame(rows, schema=FILE_ROWS, orient="row")


def piece(days: Sequence[int], **told) -> Piece:
    """These days of March 2024 (sorted), with their bars."""
    spans = [(_midnight(day), _midnight(day + 1)) for day in days]
    return Piece(spans, bars(days, **told))


def _midnight(day: int) -> datetime:
    return datetime(2024, 3, day, MARCH, tzinfo=UTC)
