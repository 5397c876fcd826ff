"""Which actions count: the vendor's rows that nobody doubts, and what the user says instead."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import polars as pl

from forebay.lake.actions.overrides import Do, Override
from forebay.lake.actions.shape import DIVIDENDS, Shape

_COUNTS, _BY = "counts", "override"


def judged(rows: pl.DataFrame, overrides: Sequence[Override], shape: Shape) -> pl.DataFrame:
    """A table's rows and those that the user adds, with `counts` and `override` (the entry's word, or null)."""
    counts = pl.col("withdrawn_at").is_null() & pl.col("flag").is_null()
    word: pl.Expr = pl.lit(None, pl.String)
    for entry in overrides:
        if entry.do is not Do.ADD:
            meant = _meant(entry, shape)
            counts = pl.when(meant).then(entry.do is Do.CONFIRM).otherwise(counts)
            word = pl.when(meant).then(pl.lit(str(entry.do))).otherwise(word)
    told = rows.with_columns(counts.alias(_COUNTS), word.alias(_BY))
    brought = [_row(entry, shape) for entry in overrides if entry.do.brings]
    added = pl.DataFrame(brought, schema=told.schema, orient="row")
    return pl.concat([told, _valued(added, told, shape)]).sort(shape.day, "ticker", maintain_order=True)


def stale(rows: pl.DataFrame, overrides: Sequence[Override], shape: Shape) -> list[Override]:
    """The entries that should change a row of the vendor's and meet none: it was corrected, or is misspelled."""
    asked = [entry for entry in overrides if entry.do is not Do.ADD]
    return [entry for entry in asked if rows.filter(_meant(entry, shape)).is_empty()]


def of_tickers(rows: pl.DataFrame, tickers: Collection[str] | None) -> pl.DataFrame:
    """The rows of `tickers`; of all for None."""
    return rows if tickers is None else rows.filter(pl.col("ticker").is_in(sorted(tickers)))


def _meant(entry: Override, shape: Shape) -> pl.Expr:
    same = (pl.col("ticker") == entry.ticker) & (pl.col(shape.day) == entry.day)
    return same if entry.id is None else same & (pl.col(shape.key) == entry.id)


def _row(entry: Override, shape: Shape) -> dict[str, Any]:
    """What an entry says happened."""
    numbers = {"split_from": entry.old, "split_to": entry.new}
    amounts = {"cash_amount": entry.cash, "previous_close": entry.close}
    said = {name: value for name, value in {**numbers, **amounts}.items() if name in shape.columns}
    return {"id": "", "ticker": entry.ticker, shape.day: entry.day, **said, _COUNTS: True, _BY: str(entry.do)}


def _valued(added: pl.DataFrame, told: pl.DataFrame, shape: Shape) -> pl.DataFrame:
    """Dividends that replace others, with the close that those knew, unless they say it themselves."""
    if shape is not DIVIDENDS:
        return added
    known = told.group_by("ticker", shape.day).agg(pl.col("previous_close").drop_nulls().first().alias("known"))
    close = pl.coalesce("previous_close", "known").alias("previous_close")
    return added.join(known, on=["ticker", shape.day], how="left").with_columns(close).select(added.columns)
