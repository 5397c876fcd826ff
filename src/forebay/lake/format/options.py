"""What an option's ticker says, as columns beside its rows: `model.instrument.parse_option` for whole tables."""

from __future__ import annotations

import polars as pl

from forebay.model.instrument import OPTION_PATTERN
from forebay.model.rows import OPTION_ROWS

_TICKER = pl.col("ticker")
_PREFIX, _DATE, _STRIKE = len("O:"), 6, 8
_TAIL = _DATE + 1 + _STRIKE
"""Characters after the root, which may itself end in digits: `251219C00650000`."""


def _parts() -> list[pl.Expr]:
    tail = _TICKER.str.tail(_TAIL)
    expiration = ("20" + tail.str.head(_DATE)).str.to_date("%Y%m%d", strict=False)
    parts = {
        "underlying": _TICKER.str.head(-_TAIL).str.slice(_PREFIX),
        "expiration": expiration,
        "option_type": pl.when(tail.str.slice(_DATE, 1) == "C").then(pl.lit("call")).otherwise(pl.lit("put")),
        "strike": (tail.str.slice(_DATE + 1, 5) + "." + tail.str.tail(3)).cast(pl.Float64(), strict=False),
    }
    known = _TICKER.str.contains(OPTION_PATTERN) & expiration.is_not_null()
    return [pl.when(known).then(parts[name]).cast(kind).alias(name) for name, kind in OPTION_ROWS.items()]


_PARTS = _parts()


def with_option_columns(rows: pl.DataFrame) -> pl.DataFrame:
    """Add the columns of OPTION_ROWS; null where a ticker is not of the option form. Order is kept.

    Of a run of equal tickers only the first is taken apart: in files, which are sorted, that is once a ticker.
    """
    tickers = rows.get_column("ticker")
    runs = tickers.rle().struct.field("value").alias("ticker").to_frame().select(_PARTS)
    return rows.hstack(runs.select(pl.all().gather(tickers.rle_id())))
