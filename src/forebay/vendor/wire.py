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


class Envelope(msgspec.Struct):
    """What an answer of the aggregates family says around its bars."""

    status: str = ""
    ticker: str | None = None
    adjusted: bool | None = None
    resultsCount: int | None = None  # noqa: N815
    next_url: str | None = None


class BarsPage(Envelope):
    """One answer of the aggregates family."""

    results: list[Bar] | None = None
    """Absent when nothing matched."""


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


def bars_table(prices: pl.DataFrame, ticker: str, timezone: str) -> pl.DataFrame:
    """Bars of one ticker in the columns of BAR_ROWS; `session_date` is the date in `timezone` of the window's start.

    `prices` has the columns of BAR_ROWS from `open` to `transactions`, and `t`, the start in Unix milliseconds.
    """
    start = pl.from_epoch("t", "ms").dt.cast_time_unit("us").dt.replace_time_zone("UTC")
    return prices.select(
        pl.lit(ticker).alias("ticker"),
        start.alias("window_start"),
        pl.exclude("t"),
        start.dt.convert_time_zone(timezone).dt.date().alias("session_date"),
        pl.lit(str(Source.REST)).alias("source"),
    )


def grouped_table(bars: list[Bar], prices: pl.DataFrame, midnight: datetime, day: date) -> pl.DataFrame:
    """One day's bars of many tickers in the columns of BAR_ROWS, `prices` as in `bars_table`; `t` is not used."""
    return prices.select(
        pl.Series("ticker", [bar.T for bar in bars], dtype=pl.String),
        pl.lit(midnight, dtype=BAR_ROWS["window_start"]).alias("window_start"),
        pl.exclude("t"),
        pl.lit(day).alias("session_date"),
        pl.lit(str(Source.REST)).alias("source"),
    )
