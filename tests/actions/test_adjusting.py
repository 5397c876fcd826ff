from __future__ import annotations

from datetime import date, timedelta
from math import prod

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from forebay.bars.adjust import PRICES, Action, Span, adjust, steps, unadjust
from forebay.lake.actions.names import Bearing, Names

DAY = date(2024, 1, 2)
RATIOS = st.sampled_from([0.5, 2.0, 10.0, 0.05, 1.048, 1.5, 1 / 3, 4.0])
ACTIONS = st.lists(
    st.builds(Action, st.integers(0, 30).map(lambda n: DAY + timedelta(n)), RATIOS, st.floats(0.5, 1.0)), max_size=6
)


def bars_of(days: dict[date, float], ticker: str = "A") -> pl.LazyFrame:
    """A day bar of each day, all prices alike."""
    prices = {name: list(days.values()) for name in PRICES}
    volume = [price * 7 for price in days.values()]
    return pl.LazyFrame({"ticker": [ticker] * len(days), "session_date": list(days), **prices, "volume": volume})


BARS = st.dictionaries(st.integers(0, 40).map(lambda n: DAY + timedelta(n)), st.floats(1e-4, 1e6), min_size=1).map(
    lambda days: bars_of(dict(sorted(days.items())))
)


@given(BARS, ACTIONS)
def test_unadjust_is_the_inverse(bars: pl.LazyFrame, actions: list[Action]) -> None:
    """Whatever happened, adjusted bars lead back to a relative 1e-15."""
    factors = steps([([Span("A")], actions)], DAY + timedelta(100))
    assert_frame_equal(bars, unadjust(adjust(bars, factors)), rel_tol=1e-15, abs_tol=0.0)


@given(BARS, st.integers(0, 40), RATIOS)
def test_a_split_and_its_inverse_change_nothing(bars: pl.LazyFrame, when: int, ratio: float) -> None:
    """1:n and n:1 on one day are no split at all."""
    day = DAY + timedelta(when)
    factors = steps([([Span("A")], [Action(day, ratio), Action(day, 1 / ratio)])], date.max)
    assert_frame_equal(bars, adjust(bars, factors).select(bars.collect_schema().names()), rel_tol=1e-15, abs_tol=0.0)


@given(BARS, ACTIONS)
def test_money_traded_is_kept_by_splits(bars: pl.LazyFrame, actions: list[Action]) -> None:
    """Price times volume is the same in old shares and in new ones."""
    splits = [Action(action.day, action.shares) for action in actions]
    after = adjust(bars, steps([([Span("A")], splits)], date.max))
    expected = bars.select(pl.col("close") * pl.col("volume"))
    assert_frame_equal(expected, after.select(pl.col("close") * pl.col("volume")), rel_tol=1e-14, abs_tol=0.0)


@given(ACTIONS, st.integers(0, 30))
def test_every_day_has_the_product_of_what_came_after(actions: list[Action], known: int) -> None:
    """The factor of a day is the product of the actions after it, up to the day as of which it is asked."""
    until = DAY + timedelta(known)
    days = {DAY + timedelta(n): 1.0 for n in range(-1, 32)}
    after = adjust(bars_of(days), steps([([Span("A")], actions)], until)).collect()
    for day, shares, kept in after.select("session_date", "split_factor", "dividend_factor").iter_rows():
        later = [action for action in actions if day < action.day <= until]
        assert shares == pytest.approx(prod(action.shares for action in later), rel=1e-14)
        assert kept == pytest.approx(prod(action.kept for action in later), rel=1e-14)


def test_actions_follow_the_company_through_its_tickers() -> None:
    """A split listed under today's META scales the bars of FB, and not those of the fund that was META before."""
    names = Names(
        [
            Bearing("fund", "META", date(2021, 6, 30), date(2022, 1, 30)),
            Bearing("fund", "METV", date(2022, 1, 31)),
            Bearing("company", "FB", date(2012, 5, 18), date(2022, 6, 8)),
            Bearing("company", "META", date(2022, 6, 9)),
        ]
    )
    assert {"FB", "META", "METV"} == names.family(["FB", "METV"])
    spans = names.spans("META", date(2020, 1, 2))
    assert [("FB", date(2012, 5, 18)), ("META", date(2022, 6, 9))] == [(span.ticker, span.first) for span in spans]
    factors = steps([(spans, [Action(date(2020, 1, 2), 2.0)])], date.max)
    fb = adjust(bars_of({date(2020, 1, 1): 8.0, date(2020, 1, 2): 4.0}, "FB"), factors).collect()
    fund = adjust(bars_of({date(2021, 7, 1): 8.0}, "META"), factors).collect()
    assert ([4.0, 4.0], [8.0]) == (fb["close"].to_list(), fund["close"].to_list())


def test_a_row_read_under_an_older_ticker_still_finds_its_company() -> None:
    """The list was read before the rename, the names after it."""
    names = Names([Bearing("block", "SQ", DAY, date(2025, 1, 20)), Bearing("block", "XYZ", date(2025, 1, 21))])
    assert names.spans("XYZ", date(2024, 6, 1)) == names.spans("SQ", date(2024, 6, 1))


def test_nobody_known_is_whoever_bore_the_ticker_outside_of_known_dates() -> None:
    """Without a chain an action is about all bars of its ticker; with a later bearer's, about those before."""
    later = Names([Bearing("new", "ATN", date(2025, 11, 17))])
    assert (Span("ATN"),) == Names(()).spans("ATN", DAY)
    assert (Span("ATN", date.min, date(2025, 11, 16)),) == later.spans("ATN", DAY)
