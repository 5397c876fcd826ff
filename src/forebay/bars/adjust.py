"""Prices and volumes in the shares of a later day: pure arithmetic over factors that hold by session date.

A split changes price and volume at the first moment of its day: after-hours of the session before are still in old
shares, the pre-market of the day is in new ones. So the session date alone decides, for bars of every size, and bars
may be resampled before or after.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

import polars as pl

from forebay.errors import UsageError
from forebay.model.words import nearest

PRICES = ("open", "high", "low", "close", "vwap")
SPLIT_FACTOR, DIVIDEND_FACTOR = "split_factor", "dividend_factor"
STEPS = pl.Schema(
    {"ticker": pl.String(), "first": pl.Date(), SPLIT_FACTOR: pl.Float64(), DIVIDEND_FACTOR: pl.Float64()}
)
"""Factors of a ticker from the session date `first` to the day before its next step; before the first step, and for
tickers without steps, both are 1. Prices are divided by the one and multiplied by the other, volumes multiplied by the
one."""


class Adjustment(StrEnum):
    """What bars are adjusted for."""

    SPLITS = "splits"
    TOTAL_RETURN = "total_return"
    """Splits, and dividends as if they had been put back into shares at once: prices only, volumes by splits alone."""


def adjustment_named(name: str) -> Adjustment:
    """The adjustment of that name. Raises UsageError with the nearest one."""
    if name not in list(Adjustment):
        raise UsageError(f"unknown adjustment {name!r}", remedy=nearest(name, list(Adjustment)))
    return Adjustment(name)


@dataclass(frozen=True, slots=True)
class Action:
    """What happened to a share before the open of `day`."""

    day: date
    shares: float = 1.0
    """New shares for one old share."""
    kept: float = 1.0
    """What of the price stayed when a dividend left it: 1 - cash / close before."""


@dataclass(frozen=True, slots=True)
class Span:
    """Session dates on which one instrument bore `ticker`, both included."""

    ticker: str
    first: date = date.min
    last: date = date.max


def steps(histories: Iterable[tuple[Sequence[Span], Sequence[Action]]], until: date) -> pl.DataFrame:
    """The factors (STEPS) of instruments, each given as the spans of its tickers and its actions.

    Actions after `until` are not known yet: they change nothing. Spans of one ticker must not overlap.
    """
    starts: dict[tuple[str, date], tuple[float, float]] = {}
    ends: dict[tuple[str, date], tuple[float, float]] = {}
    for spans, actions in histories:
        changes = _cumulated([action for action in actions if action.day <= until])
        for span in spans:
            starts |= {(span.ticker, first): factors for first, factors in _inside(span, changes)}
            if span.last < date.max:
                ends[span.ticker, span.last + timedelta(days=1)] = (1.0, 1.0)
    rows = [(*place, *factors) for place, factors in sorted((ends | starts).items())]
    return pl.DataFrame(rows, schema=STEPS, orient="row")


def _cumulated(actions: Sequence[Action]) -> list[tuple[date, float, float]]:
    """The factors that hold before each day of `actions`, the newest day first."""
    found: dict[date, tuple[float, float]] = {}
    shares = kept = 1.0
    for action in sorted(actions, key=lambda action: action.day, reverse=True):
        shares, kept = shares * action.shares, kept * action.kept
        found[action.day] = (shares, kept)
    return [(day, *factors) for day, factors in found.items()]


def _inside(span: Span, changes: Sequence[tuple[date, float, float]]) -> Iterator[tuple[date, tuple[float, float]]]:
    """The steps of one span: what holds from each of its days on."""
    later = (1.0, 1.0)
    for day, shares, kept in changes:
        if day <= span.first:
            break
        if day <= span.last:
            yield day, later
        later = (shares, kept)
    yield span.first, later


def adjust(bars: pl.LazyFrame, factors: pl.DataFrame) -> pl.LazyFrame:
    """Bars in the shares of a later day, with the columns `split_factor` and `dividend_factor` added.

    `bars` have the columns of BAR_ROWS, each ticker's rows in the order of time; `factors` are STEPS. Raises UsageError
    for bars that are adjusted already.
    """
    if SPLIT_FACTOR in bars.collect_schema():
        raise UsageError("these bars are adjusted already", remedy="read them anew, or take `unadjust` of them first")
    found = bars.join_asof(
        factors.lazy(), left_on="session_date", right_on="first", by="ticker", check_sortedness=False
    )
    known = found.drop("first", strict=False).with_columns(pl.col(SPLIT_FACTOR, DIVIDEND_FACTOR).fill_null(1.0))
    return known.with_columns(
        pl.col(PRICES) / pl.col(SPLIT_FACTOR) * pl.col(DIVIDEND_FACTOR), pl.col("volume") * pl.col(SPLIT_FACTOR)
    )


def unadjust(bars: pl.LazyFrame) -> pl.LazyFrame:
    """What `adjust` was given: the inverse, without the two columns.

    Prices and volumes are floats, so they come back to within four units in the last place (a relative 1e-15), and
    exactly where every factor is a power of two. Raises UsageError for bars that are not adjusted.
    """
    if SPLIT_FACTOR not in bars.collect_schema():
        raise UsageError("these bars are not adjusted", remedy="they are as published already")
    raw = bars.with_columns(
        pl.col(PRICES) / pl.col(DIVIDEND_FACTOR) * pl.col(SPLIT_FACTOR), pl.col("volume") / pl.col(SPLIT_FACTOR)
    )
    return raw.drop(SPLIT_FACTOR, DIVIDEND_FACTOR)
