"""The shared rate budget, wherever its book is: never over, never idle, fair, and careful after a 429."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa
from budget_load import hammer, most_in_a_minute, open_budget
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from forebay.budget.shared import Book, SharedBudget, Standing
from forebay.clock import SystemClock
from forebay.db.engine import connect
from forebay.errors import RateLimited
from forebay.ledger import Ledger
from forebay.ledger.budget import LedgerBook
from forebay.testing import FakeClock

MINUTES = int(os.environ.get("FOREBAY_BUDGET_MINUTES", "3"))
"""How long the crowd calls, in simulated time; 60 takes a minute or two for each book."""


@pytest.fixture
def budget(place: str, clock: FakeClock) -> Iterator[SharedBudget]:
    with open_budget(place, 5, clock) as opened:
        yield opened


def waits(book: Book, count: int, *, interactive: bool = False) -> list[float]:
    """The waits, in full seconds, that so many newcomers are promised."""
    promised = [book.reserve(None, interactive=interactive) for _ in range(count)]
    return [int(each.wait.total_seconds()) for each in promised]


def still(book: Book, tickets: list[str]) -> list[float]:
    """How far off, in full seconds, those promises are by now."""
    left = [book.look(ticket) for ticket in tickets]
    return [int(each.total_seconds()) for each in left if each is not None]


@pytest.mark.parametrize(
    ("minutes", "most"), [([0, 0.5, 1.0], 3), ([0, 0.5, 1.001], 2), ([3, 0, 2.1, 2.2, 2.4], 4), ([], 0)]
)
def test_the_judge_counts_right(minutes: list[float], most: int) -> None:
    """The tests' own count of calls in a window is right on cases counted by hand."""
    start = datetime(2024, 1, 2, tzinfo=UTC)

    assert most == most_in_a_minute([start + timedelta(minutes=minute) for minute in minutes])


def test_a_burst_and_then_the_rate(budget: SharedBudget, clock: FakeClock) -> None:
    """The whole budget may be used at once; the next call waits until the first is out of the window."""
    for _ in range(5):
        budget.acquire()
    assert [] == clock.slept

    budget.acquire()

    assert [60.5] == clock.slept


def test_no_limit_asks_nobody(clock: FakeClock, tmp_path: Path) -> None:
    """A limit of 0 grants at once, however often, without the database."""
    budget = SharedBudget(LedgerBook(connect(f"sqlite:///{tmp_path}/none.db"), 0, clock), clock)

    for _ in range(1000):
        budget.acquire()
    budget.slow_down(60)

    assert [] == clock.slept
    assert Standing(0, 0, 0, 0, 0.0) == budget.standing()
    assert not (tmp_path / "none.db").exists()


def test_a_caller_without_patience_is_told(budget: SharedBudget, clock: FakeClock) -> None:
    """A wait over the timeout is refused at once, says how long it would be, and takes nobody's place."""
    for _ in range(5):
        budget.acquire(timeout=0)

    with pytest.raises(RateLimited, match="5 calls a minute") as caught:
        budget.acquire(timeout=60)

    assert 60.5 == caught.value.retry_after
    assert "POLYGON_RATE_LIMIT" in caught.value.remedy
    assert [] == clock.slept
    budget.acquire(timeout=61)
    assert [60.5] == clock.slept


def test_a_clock_set_back_costs_a_minute(budget: SharedBudget, clock: FakeClock) -> None:
    """What it promised for an hour from now holds nobody up: the last minute counts as used, and no more."""
    waits(budget.book, 12)
    clock.advance(-3600)
    began = clock.now()

    for _ in range(5):
        budget.acquire()

    assert timedelta(seconds=60.5) <= clock.now() - began < timedelta(seconds=61)
    assert [60] == waits(budget.book, 1)


def test_a_clock_set_back_under_a_sleeper(budget: SharedBudget, clock: FakeClock, monkeypatch) -> None:
    """Who slept meanwhile does not sleep for another hour."""
    waits(budget.book, 5)
    began, sleep = clock.now(), clock.sleep
    monkeypatch.setattr(clock, "sleep", lambda seconds: (sleep(seconds), clock.advance(-3600), monkeypatch.undo()))

    budget.acquire()

    assert timedelta(minutes=3) > clock.now() - began + timedelta(hours=1)


def test_a_long_line_is_no_wrong_clock(budget: SharedBudget) -> None:
    """However many wait, nobody's promise is taken back."""
    assert [60 * 40 + 20] == waits(budget.book, 201)[-1:]
    assert 196 == budget.standing().waiting


def test_a_person_does_not_queue_behind_batch_work(budget: SharedBudget) -> None:
    """With a hundred batch calls waiting, an interactive one has the very next moment; they move back by one."""
    waits(budget.book, 5)
    queued = [budget.book.reserve(None, interactive=False).ticket for _ in range(100)]
    before = still(budget.book, queued)

    assert [60] == waits(budget.book, 1, interactive=True)

    assert [*before[1:], 1270] == still(budget.book, queued)


def test_persons_and_batch_work_take_turns(budget: SharedBudget) -> None:
    """While both kinds wait, each has every other moment, whichever of them came first or in greater number."""
    assert [0] * 5 + [60] * 5 + [121] * 5 == waits(budget.book, 15)

    assert [60, 60, 60, 121, 121] == waits(budget.book, 5, interactive=True)
    assert [181, 181, 181] == waits(budget.book, 3, interactive=True)
    assert [242, 242] == waits(budget.book, 2)


def test_batch_work_is_not_starved(budget: SharedBudget) -> None:
    """A batch call that comes when ten persons wait is second in line, not eleventh."""
    assert [0] * 5 + [60] * 5 + [121] * 5 == waits(budget.book, 15, interactive=True)

    assert [60, 60, 60, 121] == waits(budget.book, 4)


def test_who_is_put_back_sleeps_on(place: str, clock: FakeClock) -> None:
    """A batch caller that wakes up to find a person in its place waits for the next moment, and has its call then."""

    class Interrupted(FakeClock):
        def sleep(self, seconds: float) -> None:
            if not self.slept:
                budget.book.reserve(None, interactive=True)
            super().sleep(seconds)

    interrupted = Interrupted(clock.now())
    with open_budget(place, 1, interrupted) as budget:
        budget.acquire()
        budget.acquire()

    assert [60.5, 60.5] == interrupted.slept


def test_a_429_stops_everybody(place: str, budget: SharedBudget, clock: FakeClock) -> None:
    """After `slow_down` nothing is granted for that long, to anybody, persons included."""
    budget.acquire()
    budget.slow_down(300)
    budget.slow_down(10)

    with open_budget(place, 5, clock) as other:
        other.interactive().acquire()

    assert [300.0] == clock.slept


def test_a_429_lowers_the_limit_for_a_while(place: str, clock: FakeClock) -> None:
    """One 429 costs a quarter of the limit, its echoes nothing more; each clean minute gives a twentieth back."""
    with open_budget(place, 100, clock) as budget:
        for _ in range(3):
            budget.slow_down(20)
        assert Standing(100, 75, 0, 0, 20.0) == budget.standing()

        found = []
        for seconds in (20, 59, 1, 60, 60, 60, 60):
            clock.advance(seconds)
            found.append(budget.standing().effective)

    assert [75, 75, 80, 85, 90, 95, 100] == found


def test_a_lowered_limit_is_what_is_granted(place: str, clock: FakeClock) -> None:
    """Until it is back, no window sees more calls than the lowered limit."""
    with open_budget(place, 100, clock) as budget:
        budget.slow_down(0)
        assert [0] * 75 + [60] * 80 == waits(budget.book, 155)


def test_the_limit_never_falls_below_one(budget: SharedBudget, clock: FakeClock) -> None:
    """However many 429s come, a call a minute is granted, and the way back is open."""
    found = []
    for _ in range(6):
        budget.slow_down(1)
        found.append(budget.standing().effective)
        clock.advance(1)
    clock.advance(180)

    assert [3, 2, 1, 1, 1, 1] == found
    assert 4 == budget.standing().effective


def test_a_budget_at_a_glance(budget: SharedBudget, clock: FakeClock) -> None:
    """The calls of the last minute and the callers in line are told apart."""
    waits(budget.book, 7)
    assert Standing(5, 5, 5, 2, 0.0) == budget.standing()

    clock.advance(60.6)

    assert Standing(5, 5, 2, 0, 0.0) == budget.standing()


def test_a_429_takes_promises_back(place: str, clock: FakeClock) -> None:
    """A caller that already sleeps towards its moment does not get it when a pause has come in between."""

    class Interrupted(FakeClock):
        def sleep(self, seconds: float) -> None:
            if not self.slept:
                budget.slow_down(500)
            super().sleep(seconds)

    interrupted = Interrupted(clock.now())
    with open_budget(place, 1, interrupted) as budget:
        budget.acquire()
        budget.acquire()

    assert [60.5, 439.5] == interrupted.slept


def test_who_oversleeps_waits_again(place: str, clock: FakeClock) -> None:
    """A process that was stopped past its moment does not call late, on top of others: it takes a new moment."""

    class Sleepyhead(FakeClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds if self.slept else seconds + 30)

    sleepy = Sleepyhead(clock.now())
    with open_budget(place, 1, sleepy) as budget:
        budget.acquire()
        budget.acquire()

    assert clock.now() + timedelta(seconds=121) == sleepy.now()


def test_a_killed_caller_costs_one_call(place: str, clock: FakeClock) -> None:
    """A promise to a process that died is lost once; the others go on at the rate."""
    with open_budget(place, 1, clock) as budget:
        budget.acquire()
        waits(budget.book, 1)

        budget.acquire()

    assert [121.0] == [round(wait, 3) for wait in clock.slept]


_days = count(1)
"""Each example begins a day later, when the book knows of no call."""
_Steps = some.lists(some.tuples(some.floats(0, 90), some.booleans()), min_size=1, max_size=40)


@given(limit=some.integers(1, 7), steps=_Steps, slow=some.dictionaries(some.integers(0, 39), some.floats(0, 200)))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_window_is_over(place: str, limit: int, steps: list[tuple[float, bool]], slow: dict[int, float]) -> None:
    """Whatever the callers' rhythm and kind, with and without 429s: no 60 seconds see more calls than the limit."""
    clock = FakeClock(FakeClock().now() + timedelta(days=next(_days)))
    calls: list[datetime] = []
    with open_budget(place, limit, clock) as budget:
        for number, (pause, interactive) in enumerate(steps):
            clock.advance(pause if pause > 45 else 0)
            (budget.interactive() if interactive else budget).acquire()
            calls.append(clock.now())
            if number in slow:
                budget.slow_down(slow[number])

    assert most_in_a_minute(calls) <= limit


def test_a_crowd_uses_all_of_it(place: str) -> None:
    """Four processes with 25 threads each at 300 a minute: no 60 s over 300, at least 297 used, nobody starved."""
    by_caller = hammer(place, 300, MINUTES, processes=4, threads=25)

    calls = [call for one in by_caller for call in one]
    assert 300 == most_in_a_minute(calls)
    assert 297 * MINUTES <= len(calls)
    assert 1.5 * MINUTES <= min(map(len, by_caller))


def test_a_crowd_of_both_kinds_shares_evenly(place: str) -> None:
    """Four persons among twelve callers have half of the calls, not a third and not all; none of it is unused."""
    minutes, limit = 20, 5
    by_caller = hammer(place, limit, minutes, processes=2, threads=6, persons=2)

    calls = [call for one in by_caller for call in one]
    persons = sum(len(by_caller[seat]) for seat in (0, 1, 6, 7))
    assert limit == most_in_a_minute(calls)
    assert 0.99 * limit * minutes <= len(calls)
    assert 0.4 * len(calls) <= persons <= 0.6 * len(calls)


class _Hours(SystemClock):
    """A machine whose clock is hours ahead of its server's."""

    def now(self) -> datetime:
        return super().now() + timedelta(hours=5)


@pytest.mark.parametrize("place", ["postgresql", "redis"], indirect=True)
def test_a_servers_clock_is_everybodys(place: str) -> None:
    """Machines whose clocks disagree share a server's budget all the same: its clock decides."""
    with (
        open_budget(place, 1, SystemClock(), server_time=True) as here,
        open_budget(place, 1, _Hours(), server_time=True) as there,
    ):
        here.acquire(timeout=0)

        with pytest.raises(RateLimited):
            there.acquire(timeout=50)


def test_old_calls_are_forgotten(ledger: Ledger) -> None:
    """The table of calls does not grow with time."""
    for _ in range(100):
        ledger.budget.acquire()

    with ledger.database.read() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM rate_grants")).scalar_one() <= 15
