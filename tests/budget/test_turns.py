"""Whose turn it is, and how fast: the rules that every book of the rate budget follows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as some

from forebay.budget.line import place_in_line
from forebay.budget.pace import Pace

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)


@given(arrivals=some.lists(some.tuples(some.booleans(), some.booleans()), max_size=60))
def test_nobody_has_two_turns_while_the_other_kind_waits(arrivals: list[tuple[bool, bool]]) -> None:
    """Whoever comes when, and however the line moves on in between: the kinds alternate until one of them is served."""
    line: list[tuple[bool, int]] = []
    served: list[tuple[bool, int]] = []
    for number, (kind, moves_on) in enumerate(arrivals):
        if moves_on and line:
            served.append(line.pop(0))
        last = served[-1][0] if served else None
        line.insert(place_in_line([each for each, _ in line], last, kind), (kind, number))

        kinds = [each for each, _ in line]
        twice = next((place for place, (one, two) in enumerate(pairwise(kinds)) if one == two), None)
        assert twice is None or {kinds[twice]} == set(kinds[twice:])
        assert kinds[:1] != [last] or {last} == set(kinds)
        for each in (True, False):
            numbers = [number for kind, number in line if kind == each]
            assert sorted(numbers) == numbers


@given(
    limit=some.integers(1, 1000),
    news=some.lists(some.tuples(some.floats(0, 600), some.floats(0, 120)), min_size=1, max_size=20),
)
def test_the_limit_stays_within_its_bounds_and_comes_back(limit: int, news: list[tuple[float, float]]) -> None:
    """Whatever 429s come when, between one call and the limit are granted; half an hour later the limit is whole."""
    now, pace = NOW, Pace()
    for gap, pause in news:
        now += timedelta(seconds=gap)
        before = pace.limit_at(now, limit)
        pace = pace.after_429(now, timedelta(seconds=pause), limit)
        assert 1 <= pace.limit_at(now, limit) <= before

    assert limit == pace.limit_at(now + timedelta(minutes=30), limit)


def test_a_smaller_setting_counts_at_once() -> None:
    """A limit that was configured lower since the last 429 is not exceeded by what the higher one left."""
    pace = Pace().after_429(NOW, timedelta(seconds=10), 300)

    assert 50 == pace.limit_at(NOW, 50)
