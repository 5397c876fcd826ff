from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from markets import COLUMNS, FIRST, LAST, NOON, PAID, SPLIT, Held, as_vendor, market, vendors_own
from polars.testing import assert_frame_equal

from forebay.bars.adjust import Adjustment, adjust, unadjust
from forebay.bars.resample import resample
from forebay.bars.windows import window_named
from forebay.errors import LakeError, UsageError
from forebay.lake.actions.adjusting import factors

SIX_DECIMALS = 1.1e-6
"""The vendor rounds adjusted numbers to six decimals, those of an hour twice: its minutes', and their mean."""


@pytest.mark.parametrize("ticker", SPLIT)
@pytest.mark.parametrize("timeframe", ["1d", "1h", "1m"])
def test_split_adjusted_bars_are_the_vendors(held: Held, ticker: str, timeframe: str) -> None:
    """Split, reverse split, rename before a split, reused ticker: prices, vwap and volume as with `adjusted=true`."""
    expected = vendors_own(held.vendor, ticker, timeframe)
    assert expected.height > 8
    actual = as_vendor(held.lake.bars(ticker, timeframe, FIRST, LAST, adjust="splits"))
    assert_frame_equal(expected, actual, rel_tol=1e-9, abs_tol=SIX_DECIMALS)


@pytest.mark.parametrize("ticker", [*PAID, "NVDA", "XYZ", "SQ"])
def test_total_return_has_the_vendors_dividend_factors(held: Held, ticker: str) -> None:
    """Before each ex-date prices are multiplied by the vendor's own factor, volumes by splits alone."""
    listed = "XYZ" if ticker == "SQ" else ticker
    with held.app() as app:
        dividends = app.rest.actions.dividends(FIRST, [listed])
    expected = {row.ex_dividend_date: row.historical_adjustment_factor for row in dividends}
    splits = held.lake.bars(ticker, "1d", FIRST, LAST, adjust="splits").collect()
    total = held.lake.bars(ticker, "1d", FIRST, LAST, adjust="total_return").collect()
    assert expected
    for day, close, whole in zip(total["session_date"], total["close"], splits["close"], strict=True):
        later = [ex for ex in expected if ex > day]
        assert close / whole == pytest.approx(expected[min(later)] if later else 1.0, abs=SIX_DECIMALS)
    assert splits["volume"].equals(total["volume"])


@pytest.mark.parametrize("how", ["splits", "total_return"])
@pytest.mark.parametrize("timeframe", ["1d", "1m"])
def test_adjusted_bars_lead_back_to_raw(held: Held, how: str, timeframe: str) -> None:
    """`unadjust` gives every raw number back to a relative 1e-15, and nothing else changes."""
    raw = held.lake.bars(SPLIT, timeframe).collect()
    back = unadjust(held.lake.bars(SPLIT, timeframe, adjust=how)).collect()
    assert_frame_equal(raw, back, rel_tol=1e-15, abs_tol=0.0)
    assert_frame_equal(raw.drop(COLUMNS), back.drop(COLUMNS))


@pytest.mark.parametrize("day", [date(2025, 10, 17), date(2025, 11, 12)])
def test_no_later_action_is_seen(held: Held, day: date) -> None:
    """As of a day, bars are what the vendor showed on its evening, and no later split or dividend is in them."""
    evening = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1, hours=2)
    with market(evening) as then:
        for ticker in ("NVDA", "SQ", "ATN"):
            expected = vendors_own(then, ticker, "1d", day)
            actual = held.lake.bars(ticker, "1d", FIRST, day, adjust="splits", adjust_as_of=day)
            assert_frame_equal(expected, as_vendor(actual), rel_tol=1e-9, abs_tol=SIX_DECIMALS)
    total = held.lake.bars("AAPL", "1d", adjust="total_return", adjust_as_of="2025-11-09").collect()
    assert {1.0} == set(total["dividend_factor"])


def test_a_reused_ticker_keeps_its_companies_apart(held: Held) -> None:
    """ATN's first company consolidated 5:1, its second split 1:3: neither touches the other's bars."""
    bars = held.lake.bars("ATN", "1d", adjust="splits").collect()
    seen = {factor: days["session_date"] for (factor,), days in bars.group_by("split_factor")}
    assert {0.2, 1.0, 3.0} == seen.keys()
    assert date(2025, 10, 8) > seen[0.2].max()
    assert (date(2025, 11, 17), date(2025, 11, 19)) == (seen[3.0].min(), seen[3.0].max())


def test_adjusting_before_or_after_resampling_agrees(held: Held) -> None:
    """Windows never reach over a session date, so both orders give the same bars to the last few digits."""
    tickers = ["NVDA", "SOUR"]
    steps = factors(held.lake.home, tickers, Adjustment.TOTAL_RETURN, NOON.date())
    minutes = held.lake.bars(tickers, "1m")
    hour, zone = window_named("1h"), "America/New_York"
    first = resample(adjust(minutes, steps), hour, zone).sort("ticker", "window_start").collect()
    after = adjust(resample(minutes, hour, zone).sort("ticker", "window_start"), steps)
    assert_frame_equal(first, after.select(first.columns).collect(), rel_tol=1e-12, abs_tol=0.0)


def test_a_week_with_a_split_in_it_is_all_in_new_shares(held: Held) -> None:
    """Weekly bars are made of adjusted days, as the vendor makes them; XYZ split on a Wednesday."""
    for ticker in ("SOUR", "XYZ", "NVDA"):
        expected = vendors_own(held.vendor, ticker, "1w", LAST)
        actual = held.lake.bars(ticker, "1w", FIRST, LAST, adjust="splits")
        assert_frame_equal(expected, as_vendor(actual), rel_tol=1e-9, abs_tol=SIX_DECIMALS)


def test_what_became_known_later_is_not_in_what_was_known_then(home: Held) -> None:
    """The vendor lists NVDA's split a day late: as known before, there is none; as known now, there is."""
    right, rule = home.vendor, {"kind": "missing_split", "ticker": "NVDA"}
    with market(faults=[rule]) as wrong:
        home.vendor = wrong
        home.sync(["NVDA"], "stocks/bars_1d")
        home.refresh()
    then = home.clock.now()
    home.clock.advance(86_400)
    home.vendor = right
    home.refresh()
    for known_at, expected in (then, 0), (home.clock.now(), 2), (None, 2):
        found = factors(home.lake.home, ["NVDA"], Adjustment.SPLITS, home.clock.now().date(), known_at)
        assert expected == found.height
    with pytest.raises(LakeError, match="knew no splits at 2025-11-30"):
        factors(home.lake.home, ["NVDA"], Adjustment.SPLITS, LAST, NOON - timedelta(days=1))


def test_actions_are_tables_in_sql(held: Held) -> None:
    """Splits and their kin are there beside the bars, as they were known when the bars were."""
    of_nvda = "select distinct s.id from stocks.bars_1d b join stocks.splits s using (ticker) where ticker = 'NVDA'"
    assert 1 == held.lake.sql(of_nvda).height
    assert 1 == held.lake.sql(of_nvda, as_of=held.lake.version("stocks/bars_1d")).height
    assert 0 < held.lake.sql("select * from stocks.dividends where cash_amount > 0").height
    with held.lake.duckdb() as connection:
        assert [(1,)] == connection.sql("select count(*) from stocks.splits where ticker = 'NVDA'").fetchall()
    with pytest.raises(UsageError, match="of which table"):
        held.lake.sql("select * from stocks.splits", as_of=0)
    with pytest.raises(UsageError, match="no time zone"):
        held.lake.sql("select * from stocks.splits", as_of=NOON.replace(tzinfo=None))
    with pytest.raises(LakeError) as refused:
        held.lake.rows("stocks/splits")
    assert "stocks.splits" in refused.value.remedy


def test_adjusting_twice_is_refused(held: Held) -> None:
    """Adjusted bars carry their factors, so a second adjustment is noticed; so is undoing what was never done."""
    steps = factors(held.lake.home, ["NVDA"], Adjustment.SPLITS, NOON.date())
    adjusted = held.lake.bars("NVDA", "1d", adjust="splits")
    with pytest.raises(UsageError, match="adjusted already"):
        adjust(adjusted, steps)
    with pytest.raises(UsageError, match="not adjusted"):
        unadjust(held.lake.bars("NVDA", "1d"))
    with pytest.raises(UsageError, match="unknown adjustment 'split'") as caught:
        held.lake.bars("NVDA", "1d", adjust="split")
    assert "splits" in caught.value.remedy


def test_without_tables_the_command_is_named(home: Held) -> None:
    """Bars are held and actions are not: raw bars are not passed off as adjusted ones."""
    home.sync(["MSFT"], "stocks/bars_1d")
    with pytest.raises(LakeError, match="knew no splits") as caught:
        home.lake.bars("MSFT", "1d", adjust="splits")
    assert "forebay actions refresh" in caught.value.remedy


def test_all_tickers_at_once_are_adjusted_alike(held: Held) -> None:
    """`tickers=None` gives each ticker the bars that it has alone."""
    together = held.lake.bars(None, "1d", asset_class="stocks", adjust="total_return").collect()
    for ticker in (*SPLIT, *PAID):
        alone = held.lake.bars(ticker, "1d", adjust="total_return").collect()
        assert_frame_equal(alone, together.filter(pl.col("ticker") == ticker))


def test_a_stretch_of_bars_is_adjusted_as_the_whole_is(held: Held) -> None:
    """Actions before the first bar that is asked for change nothing of it, and are left out of the work alone."""
    whole = held.lake.bars(["NVDA", "SOUR", "XYZ", "ATN"], "1d", adjust="total_return").collect()
    for start in (date(2025, 10, 20), date(2025, 11, 12), date(2025, 11, 21)):
        part = held.lake.bars(["NVDA", "SOUR", "XYZ", "ATN"], "1d", start, adjust="total_return").collect()
        assert_frame_equal(whole.filter(pl.col("session_date") >= start), part)
