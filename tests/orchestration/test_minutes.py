"""Minutes against day bars: a gap is told from quiet minutes, whatever share of a symbol's trades sets no price."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from forebay.model.calendar import session, session_days
from forebay.orchestration.minutes import SESSIONS, TRADED, day_trades, lacking, silences, sums

DAYS = session_days("XNYS", date(2025, 11, 3), date(2025, 12, 31))
HALF = date(2025, 11, 28)
COUNTED = {"ticker": pl.String(), "session_date": pl.Date(), "transactions": pl.Int64()}


def tables(
    trades: dict[date, list[int]], odd: dict[date, int], ticker: str = "ABC"
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Sessions with so many trades in each minute that has a bar, and day bars with `odd` trades more."""
    held = [(ticker, day, len(each), sum(each)) for day, each in trades.items() if each]
    told = [(ticker, day, sum(each) + odd.get(day, 0)) for day, each in trades.items()]
    return pl.DataFrame(held, SESSIONS, orient="row"), pl.DataFrame(told, TRADED, orient="row")


@given(st.lists(st.lists(st.integers(1, 50), min_size=1, max_size=40), min_size=len(DAYS), max_size=len(DAYS)))
@settings(max_examples=20, deadline=None)
def test_quiet_minutes_are_no_gap(minutes):
    """However few minutes a session has: as long as they hold the day bar's trades, nothing is told."""
    held, traded = tables(dict(zip(DAYS, minutes, strict=True)), {})

    assert lacking(held, traded).is_empty()


def test_a_single_minute_is_told_where_none_ever_lacks():
    """A symbol whose minutes hold all trades: the one session that lacks ten of them is told, with what is usual."""
    trades = {day: [10] * 100 for day in DAYS}
    held, traded = tables(trades, {DAYS[7]: 10})

    (row,) = lacking(held, traded).iter_rows(named=True)

    assert (DAYS[7], 100, 1000, 1010) == (row["session_date"], row["minutes"], row["traded"], row["traded_day"])
    assert row["usual"] < 1
    assert 10 == round(row["per_minute"])


def test_a_session_without_any_minute_is_told_from_one_without_a_trade():
    """A day bar and no minute is a gap of a day; no day bar is a day without trades, and nothing."""
    trades = {day: [3, 4] for day in DAYS if day != DAYS[5]}
    trades[DAYS[9]] = []
    held, traded = tables(trades, {DAYS[9]: 2})

    assert [(DAYS[9], 0)] == lacking(held, traded).select("session_date", "minutes").rows()


def test_without_counted_trades_a_whole_day_is_told_and_nothing_else():
    """The vendor may count no trades: a day bar with volume and no minute is a gap; a halted symbol's has no volume."""
    bars = {"ticker": "ABC", "session_date": DAYS[:4], "transactions": [None, None, None, 0]}
    days = pl.DataFrame({**bars, "volume": [5.0, 7.0, 0.0, 0.0]}, {**COUNTED, "volume": pl.Float64()})
    minutes = pl.DataFrame({"ticker": ["ABC"], "session_date": [DAYS[0]], "transactions": [None]}, COUNTED)

    assert [(DAYS[1], 0)] == lacking(sums(minutes.lazy()), day_trades(days.lazy())).select(
        "session_date", "minutes"
    ).rows()


def test_odd_lots_are_no_gap_and_an_hour_is():
    """Where a tenth of the trades usually sets no price, more or less of them is nothing; a third of the session is."""
    trades = {day: [5] * 200 for day in DAYS}
    odd = {day: 80 + 7 * (place % 8) for place, day in enumerate(DAYS)}
    held, traded = tables(trades, odd | {DAYS[3]: 500})

    assert [DAYS[3]] == lacking(held, traded)["session_date"].to_list()


def test_what_one_symbol_lacks_says_nothing_of_another():
    """The same session is a gap of the symbol whose trades all have minutes, and usual for the other one."""
    calm, odd = tables({day: [10] * 50 for day in DAYS}, {DAYS[2]: 60}), dict.fromkeys(DAYS, 60)
    other = tables({day: [10] * 50 for day in DAYS}, odd, "XYZ")

    found = lacking(pl.concat([calm[0], other[0]]), pl.concat([calm[1], other[1]]))

    assert [("ABC", DAYS[2])] == found.select("ticker", "session_date").rows()


def test_the_longest_silence_ends_with_the_session():
    """On a half day the hours end at 13:00 in New York; before the first bar and after the last is silence, too."""
    hours = session("XNYS", HALF)
    bounds = pl.DataFrame(
        [("ABC", HALF, hours.regular_opens, hours.regular_closes)],
        {
            "ticker": pl.String(),
            "session_date": pl.Date(),
            **dict.fromkeys(("opens", "closes"), pl.Datetime("us", "UTC")),
        },
        orient="row",
    )
    last_bar = datetime(2025, 11, 28, 16, 29, tzinfo=UTC)
    starts = pl.datetime_range(hours.regular_opens, last_bar, "1m", time_unit="us", eager=True)
    bars = pl.DataFrame({"ticker": "ABC", "session_date": HALF, "window_start": starts})

    (row,) = silences(bars, bounds).iter_rows(named=True)

    assert (last_bar + timedelta(minutes=1), datetime(2025, 11, 28, 17, 59, tzinfo=UTC)) == (row["first"], row["last"])


def test_sums_are_those_of_every_bar():
    """Minutes and trades by symbol and session."""
    bars = pl.DataFrame({"ticker": ["A", "B", "A"], "session_date": [HALF] * 3, "transactions": [1, 2, 4]})

    assert [("A", HALF, 2, 5), ("B", HALF, 1, 2)] == sums(bars.lazy()).rows()
