"""The hours of a session date, and the regular grid that may be asked for in them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from forebay.bars.filling import FILLED, filled
from forebay.bars.sessions import Hours, within
from forebay.bars.windows import window_named
from forebay.errors import UsageError
from forebay.model.catalogue import BAR_DATASETS
from forebay.model.intervals import Interval
from forebay.model.rows import BAR_ROWS

MINUTES = BAR_DATASETS["stocks/bars_1m"]
WINTER, SUMMER, HALF = date(2024, 3, 8), date(2024, 3, 11), date(2024, 11, 29)
OFFSET = {WINTER: 5, SUMMER: 4, HALF: 5}
YEAR = Interval(date(2024, 1, 1), date(2024, 12, 31))


def every_minute(day: date, first: str = "03:59", count: int = 1000) -> pl.DataFrame:
    """A bar in each minute from `first` in New York on."""
    hour, minute = map(int, first.split(":"))
    start = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC) + timedelta(hours=OFFSET[day])
    rows = [("A", start + timedelta(minutes=i), 1.0, 3.0, 1.0, 2.0 + i, 5.0, 2.0, 1, day, "rest") for i in range(count)]
    return pl.DataFrame(rows, schema=BAR_ROWS, orient="row")


def ends(found: pl.DataFrame) -> tuple[int, str, str]:
    """How many bars, and the first and the last in New York's time."""
    local = found["window_start"].dt.convert_time_zone("America/New_York").dt.strftime("%H:%M")
    return found.height, local[0], local[-1]


@pytest.mark.parametrize(
    ("day", "hours", "expected"),
    [
        (WINTER, Hours.REGULAR, (390, "09:30", "15:59")),
        (SUMMER, Hours.REGULAR, (390, "09:30", "15:59")),
        (HALF, Hours.REGULAR, (210, "09:30", "12:59")),
        (WINTER, Hours.EXTENDED, (960, "04:00", "19:59")),
        (HALF, Hours.EXTENDED, (780, "04:00", "16:59")),
        (WINTER, Hours.ALL, (1000, "03:59", "20:38")),
    ],
)
def test_hours_are_those_of_the_exchange(day: date, hours: Hours, expected: tuple[int, str, str]) -> None:
    """The first minute is in, the minute of the close is out, before and after the clocks change and on half days."""
    assert expected == ends(within(every_minute(day).lazy(), hours, MINUTES, YEAR).collect())


def test_classes_without_hours_are_refused() -> None:
    """Crypto and forex have no regular hours to choose."""
    for name in ("crypto", "forex"):
        with pytest.raises(UsageError, match=f"{name} are traded around the clock"):
            within(every_minute(WINTER).lazy(), Hours.REGULAR, BAR_DATASETS[f"{name}/bars_1m"], YEAR)


def fill(bars: pl.DataFrame, size: str = "1m", hours: Hours = Hours.REGULAR) -> pl.DataFrame:
    """The grid."""
    return filled(bars.lazy(), window_named(size), hours, MINUTES, YEAR).collect()


def test_a_quiet_minute_repeats_the_close_before_it() -> None:
    """Every minute from the first bar to the close of the session is there, marked, with volume 0."""
    held = pl.concat([every_minute(WINTER, "09:32", 2), every_minute(WINTER, "15:00", 1)])
    found = fill(held)
    made = found.filter(pl.col("source") == FILLED)

    assert (388, "09:32", "15:59") == ends(found)
    assert (385, 0.0, 0) == (made.height, made["volume"].sum(), made["transactions"].sum())
    assert [3.0] * 4 == list(made.row(0)[2:6])
    assert [None] == made["vwap"].unique().to_list()
    assert held.equals(found.filter(pl.col("source") != FILLED))


def test_the_close_is_carried_into_the_next_session() -> None:
    """Before a session's first bar stands the close of the one before; sessions without bars stay out."""
    held = pl.concat([every_minute(WINTER, "15:59", 1), every_minute(HALF, "12:00", 1)])
    found = fill(held)

    assert [WINTER, HALF] == found["session_date"].unique().sort().to_list()
    assert 1 + 210 == found.height
    assert [2.0] == found.filter(pl.col("session_date") == HALF)["open"][:150].unique().to_list()


def test_larger_bars_are_filled_on_their_own_grid() -> None:
    """Hours that hold some regular minute are there, on the clock: 09:00 to 15:00."""
    assert (7, "09:00", "15:00") == ends(fill(every_minute(WINTER, "09:00", 1), "1h"))


def test_each_ticker_is_filled_by_itself() -> None:
    """No close passes from one ticker to the next, and a ticker gets nothing before its own first bar."""
    other = every_minute(WINTER, "15:58", 1).with_columns(pl.lit("B").alias("ticker"), pl.lit(9.0).alias("close"))
    found = fill(pl.concat([every_minute(WINTER, "15:57", 1), other]))

    assert [("A", 2.0, 3), ("B", 9.0, 2)] == found.group_by("ticker", "close", maintain_order=True).len().rows()
