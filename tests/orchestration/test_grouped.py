"""Day bars of many tickers: whole days where they spare enough tickers their own call."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebay.model.calendar import session_days
from forebay.model.catalogue import BAR_DATASETS
from forebay.model.partition import ALL_SYMBOLS
from forebay.orchestration.chunks import calls_of
from forebay.orchestration.grouped import grouped

DAYS = BAR_DATASETS["stocks/bars_1d"]
SESSIONS = tuple(session_days("XNYS", date(2026, 1, 2), date(2026, 3, 13)))
ONE_DAY = SESSIONS[-1:]


def tickers(count, days):
    return {f"T{number}": days for number in range(count)}


def calls(gaps, **options):
    return calls_of(DAYS, grouped(DAYS, gaps, **options)).most


gaps_of_some = st.dictionaries(
    st.sampled_from([f"T{number}" for number in range(8)]),
    st.sets(st.sampled_from(SESSIONS[:6]), min_size=1).map(lambda days: tuple(sorted(days))),
    min_size=1,
)


@given(gaps_of_some, st.sets(st.sampled_from([f"T{number}" for number in range(8)])))
def test_every_gap_is_closed_in_the_fewest_calls_of_any_prefix_of_the_order(gaps, otc):
    """Whole days and own calls together close every gap; no other number of leading days takes fewer; OTC by ticker."""
    mixed = grouped(DAYS, gaps, otc)
    whole = set(mixed.get(ALL_SYMBOLS, ()))
    lacking = {day: sum(day in days for symbol, days in gaps.items() if symbol not in otc) for day in SESSIONS}
    order = sorted((day for day in SESSIONS if lacking[day]), key=lambda day: (-lacking[day], day))

    for symbol, days in gaps.items():
        assert set(days) <= set(mixed.get(symbol, ())) | (set() if symbol in otc else whole)
    assert whole <= {day for symbol, days in gaps.items() if symbol not in otc for day in days}
    assert calls_of(DAYS, mixed).most == min(
        taken + sum(symbol in otc or not set(days) <= set(order[:taken]) for symbol, days in gaps.items())
        for taken in range(len(order) + 1)
    )


@pytest.mark.parametrize(
    ("gaps", "expected"),
    [
        pytest.param(tickers(500, ONE_DAY), 1, id="one new day of many tickers"),
        pytest.param(tickers(500, SESSIONS), len(SESSIONS), id="two months of many tickers"),
        pytest.param(tickers(20, SESSIONS), 20, id="two months of few tickers"),
        pytest.param(tickers(500, ONE_DAY) | {"NEW": SESSIONS}, 2, id="a new day, and one ticker that joined"),
        pytest.param({"A": ONE_DAY}, 1, id="one day of one ticker"),
    ],
)
def test_calls_are_the_cheaper_of_both_and_of_their_mixture(gaps, expected):
    """A call for a day, or a call for a ticker, whichever are fewer."""
    assert expected == calls(gaps)


def test_a_ticker_that_joined_is_asked_for_by_itself_and_not_the_whole_market_for_it():
    """Its old days are its own call; the new day that all lack is one call for all, itself included."""
    mixed = grouped(DAYS, tickers(500, ONE_DAY) | {"NEW": SESSIONS})

    assert {ALL_SYMBOLS: ONE_DAY, "NEW": SESSIONS[:-1]} == mixed


def test_otc_tickers_are_in_no_grouped_answer():
    """However many lack the day, those over the counter are asked for by ticker."""
    mixed = grouped(DAYS, tickers(5, ONE_DAY), otc={"T1", "T3"})

    assert {ALL_SYMBOLS: ONE_DAY, "T1": ONE_DAY, "T3": ONE_DAY} == mixed


def test_the_current_day_is_weighed_apart():
    """History by ticker and the current day whole: a range that reached into it might be refused for it."""
    mixed = grouped(DAYS, tickers(20, SESSIONS), today=SESSIONS[-1])

    assert ONE_DAY == mixed[ALL_SYMBOLS]
    assert SESSIONS[:-1] == mixed["T0"]


def test_minutes_and_classes_without_grouped_answers_stay_as_they_are():
    """Only day bars of stocks and pairs come whole."""
    for table in ("stocks/bars_1m", "options/bars_1d", "indices/bars_1d"):
        gaps = tickers(500, ONE_DAY)
        assert gaps is grouped(BAR_DATASETS[table], gaps)


def test_ten_thousand_tickers_are_weighed_in_no_time():
    """Linear in tickers that lack the same days: one look at each set of days, not at each ticker's days."""
    five_years = tuple(session_days("XNYS", date(2021, 1, 4), date(2025, 12, 31)))

    assert len(five_years) == calls(tickers(10_000, five_years), today=date(2025, 12, 31) + timedelta(days=1))
