"""Pages to batches of whole sessions, and the fetching of a range that others have begun."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import date, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from forebay.model.intervals import Interval
from forebay.tasks.batches import by_session

FIRST = date(2026, 3, 2)
SPAN = Interval(FIRST, FIRST + timedelta(days=9))


class Pages:
    """Bars by session date, in pages of `size`."""

    def __init__(self, days: list[date], size: int) -> None:
        rows = pl.DataFrame({"session_date": days, "n": range(len(days))}, schema={"session_date": pl.Date, "n": int})
        self.left = [rows[at : at + size] for at in range(0, rows.height, size)]

    @property
    def more(self) -> bool:
        return bool(self.left)

    def __iter__(self) -> Iterator[pl.DataFrame]:
        while self.left:
            yield self.left.pop(0)


offsets = st.lists(st.integers(0, 9), max_size=40).map(sorted)


@given(offsets, st.integers(1, 12))
def test_batches_are_the_whole_range_in_whole_sessions(numbers, size):
    """Every bar once and in order; dates without a hole or an overlap; no session in two batches; one last batch."""
    days = [FIRST + timedelta(days=number) for number in numbers]
    batches = list(by_session(Pages(days, size), SPAN))

    rows = [pl.concat(batch.rows) if batch.rows else None for batch in batches]
    assert list(range(len(days))) == [n for part in rows if part is not None for n in part["n"]]
    assert (SPAN.start, SPAN.end) == (batches[0].dates.start, batches[-1].dates.end)
    assert all(one.dates.end + timedelta(days=1) == two.dates.start for one, two in itertools.pairwise(batches))
    for batch, part in zip(batches, rows, strict=True):
        assert part is None or all(day in batch.dates for day in part["session_date"])
    assert [False] * (len(batches) - 1) + [True] == [batch.last for batch in batches]
    assert (max(days) if days else None) == batches[-1].newest


def test_a_batch_is_there_before_the_next_page_is_asked_for():
    """What a page completes is handed on at once: nothing waits in memory for the end."""
    pages = Pages([FIRST, FIRST + timedelta(days=1), FIRST + timedelta(days=2)], 2)
    batches = by_session(pages, SPAN)

    first = next(batches)

    assert Interval(FIRST, FIRST) == first.dates
    assert 1 == len(pages.left)


def test_days_without_a_bar_before_a_page_s_last_session_are_settled_with_it():
    """A later bar proves that nothing traded on them."""
    day = FIRST + timedelta(days=5)
    first, last = by_session(Pages([day, day], 1), SPAN)

    assert (Interval(FIRST, day - timedelta(days=1)), 0) == (first.dates, sum(part.height for part in first.rows))
    assert (Interval(day, SPAN.end), 2) == (last.dates, sum(part.height for part in last.rows))
