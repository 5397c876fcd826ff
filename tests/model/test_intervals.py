"""The subtraction that everything else is: wanted minus covered."""

import itertools
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebay.model.intervals import Interval, runs, subtract, union

START = date(2024, 1, 1)
days = st.integers(0, 60).map(lambda offset: START + timedelta(days=offset))
intervals = st.lists(st.tuples(days, days).map(lambda pair: Interval(min(pair), max(pair))), max_size=8)


def spelled_out(items):
    return {item.start + timedelta(days=offset) for item in items for offset in range(item.days)}


@given(intervals, intervals)
def test_subtraction_is_set_subtraction(wanted, covered):
    """Interval by interval or day by day: the gaps are the same."""
    assert spelled_out(wanted) - spelled_out(covered) == spelled_out(subtract(wanted, covered))


@given(intervals)
def test_union_is_sorted_and_apart(items):
    """A union has no two intervals that touch."""
    merged = union(items)

    assert spelled_out(items) == spelled_out(merged)
    assert all(later.start - earlier.end > timedelta(days=1) for earlier, later in itertools.pairwise(merged))


def test_a_hole_in_the_middle_is_a_gap():
    """Not only what comes after the last day: what lies between is missing too."""
    held = [Interval(date(2024, 1, 1), date(2024, 1, 10)), Interval(date(2024, 1, 20), date(2024, 1, 31))]

    assert [Interval(date(2024, 1, 11), date(2024, 1, 19))] == subtract([Interval(START, date(2024, 1, 31))], held)


def test_runs_follow_the_calendar():
    """Friday and Monday are neighbours where no weekend trades."""
    friday, monday, wednesday = date(2024, 3, 1), date(2024, 3, 4), date(2024, 3, 6)
    among = [friday, monday, date(2024, 3, 5), wednesday]

    assert [Interval(friday, monday), Interval(wednesday, wednesday)] == runs([monday, wednesday, friday], among)


def test_a_reversed_interval_is_refused():
    """An interval that ends before it starts is a mistake, not an empty one."""
    with pytest.raises(ValueError, match="cannot end"):
        Interval(date(2024, 1, 2), date(2024, 1, 1))
