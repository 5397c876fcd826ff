"""What the vendor lists now, merged into what is held: nothing vanishes, and everything has its time."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from forebay.errors import CheckFailed
from forebay.lake.actions.shape import Shape

_FACTOR = "historical_adjustment_factor"
"""Rewritten by the vendor at each later action: no news of the row itself."""
_FEW = 20
_NEW = "_new"


def merge(held: pl.DataFrame, fresh: pl.DataFrame, asked: pl.Expr, shape: Shape, now: datetime) -> pl.DataFrame:
    """All rows of a table after the vendor listed `fresh` (its vendor columns), sorted by day, ticker and id.

    `asked` tells which held rows the vendor would have listed: those it did not are marked as withdrawn. A field that
    an answer leaves out keeps what was known.
    """
    rows = [
        _gone(held, fresh, asked, shape, now),
        _again(held, fresh, shape, now),
        _first_seen(held, fresh, shape, now),
    ]
    return pl.concat(rows).sort(shape.day, "ticker", shape.key)


def check_losses(held: pl.DataFrame, merged: pl.DataFrame, shape: Shape) -> None:
    """Raise CheckFailed when the vendor withdrew more than half of many rows at once: a fault rather than news."""
    before, after = (rows.filter(pl.col("withdrawn_at").is_null()).height for rows in (held, merged))
    if before >= _FEW and after < before / 2:
        raise CheckFailed(
            f"the vendor lists {after} rows of {shape.table} where it listed {before}; nothing was changed",
            remedy="look again later; if they are right, `forebay actions refresh --full` takes them as they are",
        )


def _gone(held: pl.DataFrame, fresh: pl.DataFrame, asked: pl.Expr, shape: Shape, now: datetime) -> pl.DataFrame:
    absent = held.join(fresh, on=shape.key, how="anti")
    withdrawn = pl.when(asked).then(pl.col("withdrawn_at").fill_null(now)).otherwise("withdrawn_at")
    return absent.with_columns(withdrawn.alias("withdrawn_at"))


def _again(held: pl.DataFrame, fresh: pl.DataFrame, shape: Shape, now: datetime) -> pl.DataFrame:
    fields = [name for name in shape.vendor if name != shape.key]
    both = held.join(fresh.rename({name: name + _NEW for name in fields}), on=shape.key, how="inner")
    both = both.with_columns(pl.coalesce(name + _NEW, name).alias(name + _NEW) for name in fields)
    news = [pl.col(name).ne_missing(pl.col(name + _NEW)) for name in fields if name != _FACTOR]
    changed = pl.any_horizontal(*news, pl.col("withdrawn_at").is_not_null())
    return both.with_columns(
        *(pl.col(name + _NEW).alias(name) for name in fields),
        pl.when(changed).then(pl.lit(now)).otherwise("changed_at").alias("changed_at"),
        pl.lit(None).alias("withdrawn_at"),
    ).select(_typed(shape))


def _first_seen(held: pl.DataFrame, fresh: pl.DataFrame, shape: Shape, now: datetime) -> pl.DataFrame:
    new = fresh.join(held, on=shape.key, how="anti")
    missing = [pl.lit(None).alias(name) for name in shape.ours if name != "first_seen_at"]
    return new.with_columns(*missing, pl.lit(now).alias("first_seen_at")).select(_typed(shape))


def _typed(shape: Shape) -> list[pl.Expr]:
    return [pl.col(name).cast(dtype) for name, dtype in shape.columns.items()]
