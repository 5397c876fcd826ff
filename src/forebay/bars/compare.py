"""Bars from one source against bars from another: which are missing, which are too many, which differ and in what."""

from __future__ import annotations

import polars as pl

MISSING, EXTRA, DIFFERS = "missing", "extra", "differs"
"""Of held bars: one that was built is not there; one is there that was not built; one has other values."""
PRICES = ("open", "high", "low", "close")
FIELDS = (*PRICES, "volume", "transactions", "vwap")
_TOLERANCE = {"volume": 5e-7, "vwap": 1e-4}
"""Files give volumes in millionths, REST gives this price in ten-thousandths. Other fields must be equal."""

DIFFERENCES = pl.Schema(
    {
        "ticker": pl.String(),
        "window_start": pl.Datetime("us", "UTC"),
        "what": pl.String(),
        "fields": pl.List(pl.String()),
    }
)


def differences(built: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
    """The windows in which two tables of bars (BAR_ROWS) are not the same, sorted; columns of DIFFERENCES.

    `fields` names what differs; a field that a side does not have (null) is not compared.
    """
    keys = ["ticker", "window_start"]
    sides = [bars.select(*keys, pl.lit(value=True).alias("there"), *FIELDS) for bars in (built, held)]
    both = sides[0].join(sides[1], on=keys, how="full", coalesce=True, suffix="_held")
    apart = [pl.when(_apart(name)).then(pl.lit(name)) for name in FIELDS]
    what = (
        pl.when(pl.col("there_held").is_null())
        .then(pl.lit(MISSING))
        .when(pl.col("there").is_null())
        .then(pl.lit(EXTRA))
        .when(pl.any_horizontal(_apart(name) for name in FIELDS))
        .then(pl.lit(DIFFERS))
    )
    told = both.select(*keys, what.alias("what"), pl.concat_list(apart).list.drop_nulls().alias("fields"))
    return told.filter(pl.col("what").is_not_null()).sort(keys).cast(DIFFERENCES)


def _apart(name: str) -> pl.Expr:
    distance = (pl.col(name) - pl.col(f"{name}_held")).abs()
    return (distance > _TOLERANCE.get(name, 0.0)).fill_null(value=False)
