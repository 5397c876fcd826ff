"""The checks of a single row, by dataset: what bars, trades, quotes and index values must be to enter the lake.

Sources: flat files, section 3 (columns, zero prices in quotes) and section 8 (sanity rules), vendor README, section 5
(row 16: tickers with control bytes). What the market does is no fault: crossed quotes, corrections, odd conditions.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

import polars as pl

from forebay.model.calendar import day_start, trade_date_bounds
from forebay.model.catalogue import BARS, Dataset, Kind
from forebay.model.instrument import PREFIX_OF, AssetClass
from forebay.model.rows import plain_schema, time_column

_MINUTE_US = 60_000_000
_NANOS = 1_000_000_000
_EMPTY_OR_CONTROL = r"^$|[\x00-\x1f\x7f]"
_ANY_PREFIX = f"^(?:{'|'.join(PREFIX_OF.values())})"
_OPTIONAL_IN_BARS = frozenset({"volume", "vwap", "transactions"})
_ANY_SIGN = (AssetClass.INDICES, AssetClass.FUTURES)
"""Levels and spreads may be zero or less, and so was crude oil on 2020-04-20."""

Checks = dict[str, pl.Expr]
"""Check name to the rows that fail it, in the order of blame."""


@lru_cache(maxsize=64)
def checks_of(dataset: Dataset, day: date | None) -> Checks:
    """What each row must not be. `day` is None for rows of several session dates."""
    common = {
        "missing_value": pl.any_horizontal(pl.col(name).is_null() for name in required(dataset)),
        "ticker": is_no_ticker(pl.col("ticker"), dataset),
        "outside_session_date": ~_within_session(dataset, day),
    }
    if "session_end_date" in dataset.columns:
        common["other_trade_date"] = pl.col("session_end_date") != pl.col("session_date").dt.to_string("iso:strict")
    if dataset.kind in BARS:
        return common | _of_bars(dataset)
    return common | {Kind.TRADES: _of_trades, Kind.QUOTES: _of_quotes, Kind.VALUES: _of_values}[dataset.kind](dataset)


def required(dataset: Dataset) -> list[str]:
    """The columns in which every row has a value."""
    optional = _OPTIONAL_IN_BARS if dataset.kind in BARS else dataset.optional
    return [name for name in plain_schema(dataset) if name not in optional]


def is_no_ticker(ticker: pl.Expr, dataset: Dataset) -> pl.Expr:
    """Whether it is empty, holds control bytes, or has the prefix of another asset class."""
    prefix = PREFIX_OF.get(dataset.asset_class)
    if dataset.asset_class is AssetClass.FUTURES:
        wrong_class = pl.lit(value=False)  # their spreads have colons of their own: `BZ:BF G6-H6-J6`
    else:
        wrong_class = ~ticker.str.starts_with(prefix) if prefix else ticker.str.contains(_ANY_PREFIX)
    return wrong_class | ticker.str.contains(_EMPTY_OR_CONTROL)


def _of_bars(dataset: Dataset) -> Checks:
    low, high = pl.col("low"), pl.col("high")
    inside = [pl.col(name).is_between(low, high) for name in ("open", "close")]
    checks = {
        "price": ~(low.is_finite() & high.is_finite() & _has_sign(low, dataset)),
        "low_high": ~pl.all_horizontal(inside),
        "volume": _is_no_size("volume"),
        "vwap": ~pl.col("vwap").is_finite(),
        "transactions": pl.col("transactions") < 0,
    }
    if "dollar_volume" in dataset.columns:
        checks["dollar_volume"] = ~pl.col("dollar_volume").is_finite()
    if dataset.kind is Kind.BARS_1M:
        checks["whole_minute"] = pl.col("window_start").dt.timestamp("us") % _MINUTE_US != 0
    return checks


def _of_trades(dataset: Dataset) -> Checks:
    price = pl.col("price")
    return {"price": ~(price.is_finite() & _has_sign(price, dataset)), "size": _is_no_size("size")}


def _of_quotes(dataset: Dataset) -> Checks:
    """A price of 0 says that there is no quote on that side."""
    sides = [pl.col(f"{side}_price") for side in ("ask", "bid")]
    signed = dataset.asset_class in _ANY_SIGN
    checks = {"price": pl.any_horizontal(~(side.is_finite() & (pl.lit(signed) | (side >= 0))) for side in sides)}
    if "ask_size" in dataset.columns:
        checks["size"] = pl.any_horizontal(_is_no_size(f"{side}_size") for side in ("ask", "bid"))
    return checks


def _of_values(_: Dataset) -> Checks:
    return {"value": ~pl.col("value").is_finite()}


def _has_sign(price: pl.Expr, dataset: Dataset) -> pl.Expr:
    return pl.lit(value=True) if dataset.asset_class in _ANY_SIGN else price > 0


def _is_no_size(name: str) -> pl.Expr:
    return ~((pl.col(name) >= 0) & pl.col(name).is_finite())


def _within_session(dataset: Dataset, day: date | None) -> pl.Expr:
    """Whether a row's time lies in its session date: from midnight to midnight in the dataset's zone.

    A futures' trade date begins on the evening before or earlier; how early is known of one `day` only.
    """
    time = pl.col(time_column(dataset))
    if day is not None:
        first, after = _bounds(dataset, day)
        return (time >= first) & (time < after)
    if dataset.kind not in BARS:
        time = pl.from_epoch(time, "ns").dt.replace_time_zone("UTC")
    date_there, told = time.dt.convert_time_zone(dataset.timezone).dt.date(), pl.col("session_date")
    return date_there <= told if dataset.asset_class is AssetClass.FUTURES else date_there == told


def _bounds(dataset: Dataset, day: date) -> tuple[pl.Expr, pl.Expr]:
    """First instant inside and first one after, in the type of the dataset's time column."""
    if dataset.asset_class is AssetClass.FUTURES:
        first, after = trade_date_bounds(day)
    else:
        first, after = day_start(dataset, day), day_start(dataset, day + timedelta(days=1))
    if dataset.kind in BARS:
        return pl.lit(first), pl.lit(after)
    return pl.lit(int(first.timestamp()) * _NANOS), pl.lit(int(after.timestamp()) * _NANOS)
