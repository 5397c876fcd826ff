"""Larger bars say what their minutes say."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from forebay.bars.resample import resample
from forebay.bars.windows import window_named
from forebay.model.rows import BAR_ROWS
from forebay.model.timeframe import DERIVED

OPENING = datetime(2024, 3, 7, 14, 30, tzinfo=UTC)
NEW_YORK = "America/New_York"
FIVE = window_named("5m")
SIZES = {"5m": 5, "15m": 15, "1h": 60}


def minutes(count: int, vwap: float | None = 10.0, volume: float | None = 2.0) -> pl.DataFrame:
    """`count` minutes from 09:30 in New York, each a cent higher."""
    rest = (volume, vwap, 3 if volume else None, date(2024, 3, 7), "rest")
    rows = [
        ("A", OPENING + timedelta(minutes=i), *(price + i / 100 for price in (10, 11, 9, 10.5)), *rest)
        for i in range(count)
    ]
    return pl.DataFrame(rows, schema=BAR_ROWS, orient="row")


@pytest.mark.parametrize("timeframe", DERIVED)
def test_windows_stand_on_the_clock(timeframe: str) -> None:
    """Every window starts at a multiple of its size past the hour; the first hour bar of the day holds half an hour."""
    found = resample(minutes(390).lazy(), window_named(timeframe), NEW_YORK).collect()

    assert all(start.minute % SIZES[timeframe] == 0 for start in found["window_start"])
    assert {"5m": 78, "15m": 26, "1h": 7}[timeframe] == found.height
    assert 390 * 2.0 == found["volume"].sum()
    assert BAR_ROWS == found.schema


def test_prices_are_first_highest_lowest_and_last() -> None:
    """Open and close come from the window's ends, high and low from all of it."""
    first = resample(minutes(10).lazy(), FIVE, NEW_YORK).collect().row(0, named=True)

    assert (10.0, 11.04, 9.0, 10.54) == (first["open"], first["high"], first["low"], first["close"])


def test_vwap_is_weighted_and_null_when_unknown() -> None:
    """A window's price is its minutes' by volume; one minute without it makes it unknown."""
    rows = minutes(2).with_columns(vwap=pl.Series([10.0, 20.0]), volume=pl.Series([3.0, 1.0]))
    partly = rows.with_columns(vwap=pl.Series([10.0, None]))

    assert [12.5] == resample(rows.lazy(), FIVE, NEW_YORK).collect()["vwap"].to_list()
    assert [None] == resample(partly.lazy(), FIVE, NEW_YORK).collect()["vwap"].to_list()


def test_a_minute_in_which_nothing_was_traded_weighs_nothing() -> None:
    """A corrected close alone makes a minute without volume and without vwap; the window still has one."""
    rows = minutes(2).with_columns(vwap=pl.Series([10.0, None]), volume=pl.Series([3.0, 0.0]))

    assert [10.0] == resample(rows.lazy(), FIVE, NEW_YORK).collect()["vwap"].to_list()
    assert [None] == resample(rows[1:].lazy(), FIVE, NEW_YORK).collect()["vwap"].to_list()


def test_what_no_minute_has_stays_null() -> None:
    """An index has no volume, and its larger bars have none either."""
    found = resample(minutes(5, vwap=None, volume=None).lazy(), FIVE, NEW_YORK).collect().row(0, named=True)

    assert (None, None, None) == (found["volume"], found["vwap"], found["transactions"])


def test_a_sum_depends_on_its_minutes_alone() -> None:
    """To the last digit: however the minutes are cut into pieces, and in whatever company they are summed up."""
    whole = minutes(390).with_columns(volume=pl.Series([0.1 * (i % 7) + 1e-3 / (i + 1) for i in range(390)]))
    pieces = pl.concat([whole[start : start + 11] for start in range(0, 390, 11)], rechunk=False)
    other = whole.with_columns(pl.lit("B").alias("ticker"))

    expected = resample(whole.lazy(), window_named("1h"), NEW_YORK).collect()
    assert expected.equals(resample(pieces.lazy(), window_named("1h"), NEW_YORK).collect())
    both = resample(pl.concat([whole, other]).lazy(), window_named("1h"), NEW_YORK).collect()
    assert expected["volume"].to_list() * 2 == both["volume"].to_list()
