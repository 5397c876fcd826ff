"""Sizes of bars: where their windows start, and that nothing is lost or made up in them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forebay.bars.resample import resample
from forebay.bars.windows import USUAL, window_named
from forebay.errors import UsageError
from forebay.model.intervals import Interval
from forebay.model.rows import BAR_ROWS

NEW_YORK = "America/New_York"
DAYS = [date(2024, 3, 7), date(2024, 3, 8), date(2024, 3, 11), date(2024, 4, 1)]
"""Clocks change between the second and the third."""


def midnight(day: date) -> datetime:
    """Of New York, in UTC."""
    return datetime(day.year, day.month, day.day, 5 if day < date(2024, 3, 10) else 4, tzinfo=UTC)


def minutes(traded: dict[date, list[int]]) -> pl.DataFrame:
    """A bar in each of these minutes of the session dates, with prices that tell them apart."""
    rows = [
        (
            "A",
            midnight(day) + timedelta(minutes=at),
            at + 2.0,
            at + 3.0,
            at + 1.0,
            at + 2.5,
            10.0 + at,
            2.0,
            1,
            day,
            "rest",
        )
        for day in sorted(traded)
        for at in sorted(traded[day])
    ]
    return pl.DataFrame(rows, schema=BAR_ROWS, orient="row")


@given(
    traded=st.dictionaries(
        st.sampled_from(DAYS), st.lists(st.integers(240, 1199), min_size=1, max_size=40, unique=True), min_size=1
    ),
    size=st.sampled_from(USUAL[1:]),
)
@settings(max_examples=60, deadline=None)
def test_a_window_says_what_its_minutes_say(traded: dict[date, list[int]], size: str) -> None:
    """Volume and trades add up, the highest and lowest prices stay, and no window is there twice."""
    base = minutes(traded)
    found = resample(base.lazy(), window_named(size), NEW_YORK).collect()

    assert base["volume"].sum() == pytest.approx(found["volume"].sum())
    assert base["transactions"].sum() == found["transactions"].sum()
    assert (base["high"].max(), base["low"].min()) == (found["high"].max(), found["low"].min())
    assert (base["open"][0], base["close"][-1]) == (found["open"][0], found["close"][-1])
    assert found["window_start"].is_sorted()
    assert found["window_start"].n_unique() == found.height <= base.height


@pytest.mark.parametrize(
    ("size", "starts"),
    [
        ("45m", ["08:15", "09:45"]),
        ("2h", ["08:00", "10:00"]),
        ("4h", ["08:00"]),
        ("7m", ["08:45", "09:48", "09:55"]),
        ("1h", ["08:00", "09:00", "10:00"]),
    ],
)
def test_windows_are_counted_from_midnight_of_the_exchange(size: str, starts: list[str]) -> None:
    """In winter time and in summer time a window starts at the same hour in New York."""
    for day in DAYS[1:3]:
        found = resample(minutes({day: [530, 590, 600]}).lazy(), window_named(size), NEW_YORK).collect()
        hours = found["window_start"].dt.convert_time_zone(NEW_YORK).dt.strftime("%H:%M").to_list()
        assert starts == hours


@pytest.mark.parametrize(
    ("size", "starts", "dates"),
    [
        ("1d", ["2024-03-07", "2024-03-08", "2024-03-11", "2024-04-01"], DAYS),
        ("1w", ["2024-03-03", "2024-03-10", "2024-03-31"], DAYS[1:]),
        ("1M", ["2024-03-01", "2024-04-01"], DAYS[2:]),
        ("1q", ["2024-01-01", "2024-04-01"], DAYS[2:]),
        ("1y", ["2024-01-01"], DAYS[3:]),
    ],
)
def test_longer_bars_start_at_midnight_of_their_first_day(size: str, starts: list[str], dates: list[date]) -> None:
    """Weeks on Sunday, months on their first day; a bar bears the last session date that is in it."""
    found = resample(minutes({day: [600] for day in DAYS}).lazy(), window_named(size), NEW_YORK).collect()
    local = found["window_start"].dt.convert_time_zone(NEW_YORK)

    assert [f"{start} 00:00" for start in starts] == local.dt.strftime("%Y-%m-%d %H:%M").to_list()
    assert dates == found["session_date"].to_list()


def test_dates_are_widened_to_whole_windows() -> None:
    """A Wednesday asks for its week, a day for its quarter; minutes and days stay as they are, and open ends open."""
    wednesday = Interval(date(2024, 3, 6), date(2024, 3, 6))

    assert Interval(date(2024, 3, 3), date(2024, 3, 9)) == window_named("1w").widened(wednesday)
    assert Interval(date(2024, 1, 1), date(2024, 3, 31)) == window_named("1q").widened(wednesday)
    assert wednesday == window_named("1d").widened(wednesday) == window_named("4h").widened(wednesday)
    assert Interval(date.min, date(2024, 3, 31)) == window_named("1M").widened(Interval(date.min, wednesday.end))


@pytest.mark.parametrize("word", ["0m", "1440m", "24h", "5", "m", "1.5h", "-5m", "1D", "5 m", "", "99999m", "²m"])
def test_what_is_no_size_is_refused(word: str) -> None:
    """No number, no unit, or a day spelled in hours: refused with the sizes that there are."""
    with pytest.raises(UsageError, match="unknown timeframe") as refused:
        window_named(word)

    assert "45m" in refused.value.remedy
