"""What a copy lacks of its original, by dates and by the times at which they were recorded."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from forebay.model.coverage import Verdict
from forebay.model.freshness import Mark, common, due, fresh
from forebay.model.intervals import Interval

FIRST = date(2024, 3, 1)
DAYS = range(20)


def mark(start: int, end: int, hour: int) -> Mark:
    """These days after FIRST, recorded at this hour."""
    dates = Interval(FIRST + timedelta(days=start), FIRST + timedelta(days=end))
    return Mark(dates, datetime(2024, 4, 1, hour, tzinfo=UTC), Verdict.COMPLETE, 1)


MARKS = st.lists(
    st.builds(lambda start, length, hour: mark(start, start + length, hour), *map(st.integers, (0, 0, 0), (14, 5, 9))),
    max_size=5,
)


def days_of(intervals: list[Interval]) -> set[int]:
    return {number for number in DAYS if any(FIRST + timedelta(days=number) in each for each in intervals)}


def test_a_day_recorded_anew_is_due_again() -> None:
    """Of ten days copied at three o'clock, the one replaced at five is due, and no other."""
    original, copy = [mark(0, 9, 1), mark(4, 4, 5)], [mark(0, 9, 3)]

    assert [Interval(date(2024, 3, 5), date(2024, 3, 5))] == due(original, copy)
    assert [] == due(original, [*copy, mark(4, 4, 6)])


@given(MARKS, MARKS)
def test_due_is_what_no_later_copy_has(original: list[Mark], copy: list[Mark]) -> None:
    """Day by day: the original has it, and no copy of it was made since the original last changed."""

    def is_due(number: int) -> bool:
        day = FIRST + timedelta(days=number)
        changed = [each.checked_at for each in original if day in each.dates]
        copied = [each.checked_at for each in copy if day in each.dates]
        return bool(changed) and not (copied and max(copied) >= max(changed))

    assert {number for number in DAYS if is_due(number)} == days_of(due(original, copy))
    assert not days_of(due(original, copy)) & days_of(fresh(original, copy))


@given(MARKS, MARKS)
def test_common_days_are_in_both(some: list[Mark], others: list[Mark]) -> None:
    """The days of both, and open ends are no trouble."""
    first, second = [each.dates for each in some], [each.dates for each in others]

    assert days_of(first) & days_of(second) == days_of(common(first, second))
    assert days_of(first) == days_of(common(first, [Interval(date.min, date.max)]))
