"""Before rows of the lake are replaced one by one: they must still be those that were looked at."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import polars as pl

from forebay.errors import TemporaryError
from forebay.model.rows import BAR_ROWS


def prove_seen(held: pl.LazyFrame | None, day: date, tickers: Collection[str], seen: pl.DataFrame) -> None:
    """Raise TemporaryError unless `held` (None: no files) has just the rows `seen` (BAR_ROWS) of `tickers` on `day`."""
    now = BAR_ROWS.to_frame()
    if held is not None:
        rows = held.select(BAR_ROWS.names())
        now = rows.filter((pl.col("session_date") == day) & pl.col("ticker").is_in(sorted(tickers))).collect()
    order = ["ticker", "window_start"]
    if not now.sort(order).equals(seen.select(BAR_ROWS.names()).sort(order)):
        raise TemporaryError(
            f"the lake's bars of {day} have changed since they were compared with the trades",
            remedy="run it again: it compares with what is held then",
        )
