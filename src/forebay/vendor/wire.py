"""The vendor's JSON as typed rows and tables. Unknown fields are skipped: the vendor adds some without notice.

Field names and which of them may be missing: the vendor's REST page, sections 2 and 4.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TypeVar

import msgspec
import polars as pl

from forebay.errors import PageRejected
from forebay.model.partition import Source
from forebay.model.rows import BAR_ROWS


class Bar(msgspec.Struct, gc=False, kw_only=True):
    """One aggregate, its fields in the vendor's order, which decodes faster. Index bars have no `v`, `vw`, `n`."""

    T: str | None = None
    """The ticker; in grouped answers only."""
    v: float | None = None
    vw: float | None = None
    o: float
    c: float
    h: float
    l: float  # noqa: E741
    t: int
    """Start of the window, Unix milliseconds; of no use in grouped answers."""
    n: float | None = None
    """Trades. A whole number, which the vendor has been seen to write as 12.0."""


class BarsPage(msgspec.Struct):
    """One answer of the aggregates family."""

    status: str = ""
    ticker: str | None = None
    adjusted: bool | None = None
    results: list[Bar] | None = None
    """Absent when nothing matched."""
    resultsCount: int | None = None  # noqa: N815
    next_url: str | None = None


class TickerRow(msgspec.Struct, frozen=True):
    """One row of the list of tickers, or the details of one ticker."""

    ticker: str
    name: str = ""
    market: str = ""
    locale: str = ""
    type: str | None = None
    primary_exchange: str | None = None
    active: bool | None = None
    currency_name: str | None = None
    base_currency_symbol: str | None = None
    currency_symbol: str | None = None
    cik: str | None = None
    composite_figi: str | None = None
    share_class_figi: str | None = None
    list_date: str | None = None
    """YYYY-MM-DD; in details only."""
    delisted_utc: str | None = None
    last_updated_utc: str | None = None


class TickersPage(msgspec.Struct):
    """One page of the list of tickers."""

    results: list[TickerRow] | None = None
    next_url: str | None = None


class TickerDetails(msgspec.Struct):
    """The answer about one ticker."""

    results: TickerRow


class MarketStatus(msgspec.Struct, frozen=True, rename="camel"):
    """Whether the markets are open at the vendor's present time."""

    market: str
    """`open`, `closed` or `extended-hours`."""
    server_time: datetime
    early_hours: bool = False
    after_hours: bool = False


Answer = TypeVar("Answer")


def decode(body: bytes, kind: type[Answer]) -> Answer:
    """An answer as `kind`. Raises PageRejected when it is no JSON, or not of that form."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise PageRejected(
            f"the vendor's answer cannot be read as {kind.__name__}: {error}",
            remedy="Try again; if it stays, see that FOREBAY_REST_URL is the vendor and no login page is in between.",
        ) from error


def bars_table(bars: list[Bar], ticker: str, timezone: str) -> pl.DataFrame:
    """Bars of one ticker in the columns of BAR_ROWS; `session_date` is the date in `timezone` of the window's start."""
    times = pl.Series([bar.t for bar in bars], dtype=pl.Int64)
    start = pl.from_epoch(times, "ms").dt.cast_time_unit("us").dt.replace_time_zone("UTC")
    return _prices(bars).select(
        pl.lit(ticker).alias("ticker"),
        start.alias("window_start"),
        pl.all(),
        start.dt.convert_time_zone(timezone).dt.date().alias("session_date"),
        pl.lit(str(Source.REST)).alias("source"),
    )


def grouped_table(bars: list[Bar], midnight: datetime, day: date) -> pl.DataFrame:
    """One day's bars of many tickers in the columns of BAR_ROWS; their own `t` is not used."""
    return _prices(bars).select(
        pl.Series("ticker", [bar.T for bar in bars], dtype=pl.String),
        pl.lit(midnight, dtype=BAR_ROWS["window_start"]).alias("window_start"),
        pl.all(),
        pl.lit(day).alias("session_date"),
        pl.lit(str(Source.REST)).alias("source"),
    )


def _prices(bars: list[Bar]) -> pl.DataFrame:
    columns = {
        "open": [bar.o for bar in bars],
        "high": [bar.h for bar in bars],
        "low": [bar.l for bar in bars],
        "close": [bar.c for bar in bars],
        "volume": [bar.v for bar in bars],
        "vwap": [bar.vw for bar in bars],
        "transactions": [bar.n for bar in bars],
    }
    floats = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.Float64))
    return floats.with_columns(pl.col("transactions").cast(pl.Int64))
