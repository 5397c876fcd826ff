"""Minute bars as REST brought them against those that are held: what was lost, and what has other rows rightly."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl

from forebay.model.coverage import Coverage, Evidence, Verdict, counted_by_day
from forebay.model.feed import LAKE
from forebay.model.intervals import Interval
from forebay.model.partition import Partition, Source
from forebay.orchestration.minutes import SESSIONS
from forebay.orchestration.rows_brought import brought, lost

FRIDAY, MONDAY, TUESDAY = date(2026, 3, 6), date(2026, 3, 9), date(2026, 3, 10)
DATES = Interval(FRIDAY, TUESDAY)


def answer(counts: dict[date, int] | None, dates: Interval = DATES, hour: int = 1) -> Coverage:
    details = {} if counts is None else counted_by_day(counts)
    checked_at = datetime(2026, 3, 12, hour, tzinfo=UTC)
    partition = Partition("stocks/bars_1m", "ABC", dates)
    return Coverage(partition, LAKE, Source.REST, Verdict.COMPLETE, Evidence(details=details), checked_at)


def held(counts: dict[date, int], source: Source = Source.REST) -> tuple[pl.DataFrame, pl.LazyFrame]:
    """So many minutes of each session: their sums, and the rows."""
    sums = pl.DataFrame([("ABC", day, count, count) for day, count in counts.items()], SESSIONS, orient="row")
    rows = sums.select("ticker", "session_date", pl.lit(source.value).alias("source"))
    return sums, rows.lazy()


def test_counts_are_of_each_date_that_is_covered():
    """What is left of a range keeps the counts of its own dates; a date without a bar has none."""
    whole = answer({FRIDAY: 390, MONDAY: 12})

    assert {date(2026, 3, 7): 0, date(2026, 3, 8): 0, MONDAY: 12, TUESDAY: 0} == answer(
        {FRIDAY: 390, MONDAY: 12}, Interval(date(2026, 3, 7), TUESDAY)
    ).rows_by_day
    assert 402 == sum((whole.rows_by_day or {}).values())
    assert {TUESDAY: 0} == answer({}, Interval(TUESDAY, TUESDAY)).rows_by_day
    assert answer(None).rows_by_day is None


def test_the_newest_answer_counts():
    """A session that was asked for again has as many bars as it had then, whatever was said before."""
    again = answer({MONDAY: 7}, Interval(MONDAY, MONDAY), hour=2)

    assert [("ABC", FRIDAY, 5), ("ABC", MONDAY, 7)] == brought(
        [again, answer({FRIDAY: 5, MONDAY: 9})], DATES, ()
    ).rows()


def test_fewer_bars_than_came_are_lost():
    """One bar of a session and all of another; as many, or more, are none."""
    came = brought([answer({FRIDAY: 5, MONDAY: 9, TUESDAY: 3})], DATES, ())

    assert {FRIDAY: 1, TUESDAY: 3} == dict(
        lost(came, *held({FRIDAY: 4, MONDAY: 9}), files=()).select("session_date", "lost").iter_rows()
    )


def test_what_another_source_replaced_is_not_lost():
    """Rows of a file or of trades instead of REST's, a day that a file owns, and one that trades put right."""
    answers = [answer({FRIDAY: 5})]

    assert lost(brought(answers, DATES, ()), *held({FRIDAY: 4}, Source.FLATFILE), files=()).is_empty()
    assert lost(brought(answers, DATES, ()), *held({}), files=[FRIDAY]).is_empty()
    assert brought(answers, DATES, {("ABC", FRIDAY)}).is_empty()
