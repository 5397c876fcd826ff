"""Whether a page of bars is what was asked for, checked before a row of it goes anywhere.

The vendor has answered with other tickers' and other years' bars: for a time, 1 request in 30 to 40.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from forebay.errors import PageRejected
from forebay.model.catalogue import Dataset
from forebay.model.instrument import AssetClass
from forebay.model.intervals import Interval
from forebay.vendor.wire import Envelope

_GOOD_STATUS = ("OK", "DELAYED")
_PRICES = ("open", "high", "low", "close")
_REMEDY = "Usually gone on the next attempt; a page that stays wrong is the vendor's fault: report it there."
_GROUPED_STRAY = timedelta(days=2)
"""How far a grouped bar's `t` may be from midnight of its day: it is the end of the window, in no certain zone."""


_SANE = pl.all_horizontal(
    *(pl.col(name).is_finite().all() for name in _PRICES),
    *(pl.col(name).is_between(pl.col("low"), pl.col("high")).all() for name in ("open", "close")),
    (pl.col("volume").fill_null(0.0) >= 0).all(),
    (pl.col("low") <= pl.col("high")).all(),
)
"""Whether prices and volumes agree with each other in every bar."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a page of bars must answer."""

    dataset: Dataset
    ticker: str
    """Empty for all tickers of a day."""
    dates: Interval

    def __str__(self) -> str:
        return f"bars of {self.ticker or 'all ' + self.dataset.asset_class} {self.dates.start}..{self.dates.end}"


def check_envelope(page: Envelope, count: int, asked: Question) -> None:
    """Status, ticker, adjustment and the count of its bars. Raises PageRejected."""
    if page.status not in _GOOD_STATUS:
        raise _rejected(asked, f"its status is {page.status!r}")
    if asked.ticker and page.ticker is not None and page.ticker != asked.ticker:
        raise _rejected(asked, f"it is about {page.ticker!r}")
    if page.adjusted and asked.dataset.asset_class is AssetClass.STOCKS:
        raise _rejected(asked, "its prices are split-adjusted, raw ones were asked for")
    if count and asked.ticker and page.ticker is None:
        raise _rejected(asked, "it does not say which ticker it is about")
    if page.resultsCount is not None and page.resultsCount != count:
        raise _rejected(asked, f"it announces {page.resultsCount} bars and holds {count}")


def check_bars(rows: pl.DataFrame, asked: Question) -> None:
    """Dates inside the question, and prices that agree with each other. Raises PageRejected."""
    day = pl.col("session_date")
    outside = ~day.is_between(asked.dates.start, asked.dates.end)
    stray, sane = rows.select(day.filter(outside).cast(pl.String).first(), _SANE.alias("sane")).row(0)
    if stray is not None:  # as text: it can be beyond the dates Python has
        raise _rejected(asked, f"it has a bar of {stray}")
    if not sane:
        raise _rejected(asked, "a bar's low, high, open, close or volume contradict each other")


def without_twins(rows: pl.DataFrame, key: str, asked: Question) -> pl.DataFrame:
    """Rows with exact repetitions dropped, in order. Two different rows of one `key` raise PageRejected."""
    if not rows[key].is_duplicated().any():
        return rows
    unique = rows.unique(maintain_order=True)
    if unique[key].is_duplicated().any():
        twice = unique.filter(unique[key].is_duplicated())[key][0]
        raise _rejected(asked, f"it has two different bars of {twice}")
    return unique


def check_order(rows: pl.DataFrame, asked: Question) -> None:
    """Bars of one ticker from old to new. Raises PageRejected."""
    if not rows["window_start"].is_sorted():
        raise _rejected(asked, "its bars are not in the order of time")


def check_grouped(tickers: Sequence[str | None], times: pl.Series, midnight: datetime, asked: Question) -> None:
    """Names that can be names (the vendor once sent control bytes), times near the day. Raises PageRejected."""
    if not all(ticker and ticker.isprintable() for ticker in tickers):
        raise _rejected(asked, "a bar in it has no readable ticker")
    stray = (pl.from_epoch(times, "ms").dt.replace_time_zone("UTC") - midnight).abs()
    if (stray > _GROUPED_STRAY).any():
        raise _rejected(asked, "it has bars of another day")


def _rejected(asked: Question, why: str) -> PageRejected:
    return PageRejected(f"the vendor's page for {asked} was rejected: {why}", remedy=_REMEDY)
