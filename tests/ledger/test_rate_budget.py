"""The shared rate budget: never over, never idle, first come first served."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from random import Random

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from shared_clock import SharedClock

from forebay.clock import SystemClock
from forebay.db.engine import Database, connect
from forebay.errors import RateLimited
from forebay.ledger import Ledger
from forebay.ledger.budget import LedgerBudget
from forebay.testing import FakeClock

FORK = get_context("fork")
MINUTE = timedelta(seconds=60)


def most_in_a_minute(calls: list[datetime]) -> int:
    """The most calls that any 60 seconds, both ends included, have seen."""
    most, window = 0, deque[datetime]()
    for call in sorted(calls):
        window.append(call)
        while call - window[0] > MINUTE:
            window.popleft()
        most = max(most, len(window))
    return most


@pytest.fixture
def database(ledger: Ledger) -> Database:
    return ledger.database


@pytest.mark.parametrize(
    ("minutes", "most"), [([0, 0.5, 1.0], 3), ([0, 0.5, 1.001], 2), ([3, 0, 2.1, 2.2, 2.4], 4), ([], 0)]
)
def test_the_judge_counts_right(minutes: list[float], most: int) -> None:
    """The tests' own count of calls in a window is right on cases counted by hand."""
    start = datetime(2024, 1, 2, tzinfo=UTC)

    assert most == most_in_a_minute([start + timedelta(minutes=minute) for minute in minutes])


def test_a_burst_and_then_the_rate(ledger: Ledger, clock: FakeClock) -> None:
    """The whole budget may be used at once; the next call waits until the first is out of the window."""
    for _ in range(5):
        ledger.budget.acquire()
    assert [] == clock.slept

    ledger.budget.acquire()

    assert [60.5] == clock.slept


def test_no_limit_asks_nobody(clock: FakeClock, tmp_path: Path) -> None:
    """A limit of 0 grants at once, however often, without the database."""
    budget = LedgerBudget(connect(f"sqlite:///{tmp_path}/none.db"), 0, clock)

    for _ in range(1000):
        budget.acquire()
    budget.slow_down(60)

    assert [] == clock.slept
    assert not (tmp_path / "none.db").exists()


def test_a_caller_without_patience_is_told(ledger: Ledger, clock: FakeClock) -> None:
    """A wait over the timeout is refused at once, says how long it would be, and takes nobody's place."""
    for _ in range(5):
        ledger.budget.acquire(timeout=0)

    with pytest.raises(RateLimited, match="5 calls a minute") as caught:
        ledger.budget.acquire(timeout=60)

    assert 60.5 == caught.value.retry_after
    assert "POLYGON_RATE_LIMIT" in caught.value.remedy
    assert [] == clock.slept
    ledger.budget.acquire(timeout=61)
    assert [60.5] == clock.slept


def test_a_429_stops_everybody(ledger: Ledger, clock: FakeClock) -> None:
    """After `slow_down` nothing is granted for that long, to anybody; then the budget is whole again."""
    other = LedgerBudget(ledger.database, 5, clock)
    ledger.budget.acquire()
    ledger.budget.slow_down(300)
    ledger.budget.slow_down(10)

    other.acquire()
    assert [300.0] == clock.slept
    for _ in range(4):
        ledger.budget.acquire()
    assert [300.0] == clock.slept


def test_a_429_takes_promises_back(database: Database, clock: FakeClock) -> None:
    """A caller that already sleeps towards its moment does not get it when a pause has come in between."""

    class Interrupted(FakeClock):
        def sleep(self, seconds: float) -> None:
            if not self.slept:
                LedgerBudget(database, 1, self).slow_down(500)
            super().sleep(seconds)

    interrupted = Interrupted(clock.now())
    budget = LedgerBudget(database, 1, interrupted)
    budget.acquire()

    budget.acquire()

    assert [60.5, 439.5] == interrupted.slept


def test_who_oversleeps_waits_again(database: Database, clock: FakeClock) -> None:
    """A process that was stopped past its moment does not call late, on top of others: it takes a new moment."""

    class Sleepyhead(FakeClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds if self.slept else seconds + 30)

    sleepy = Sleepyhead(clock.now())
    budget = LedgerBudget(database, 1, sleepy)
    budget.acquire()
    budget.acquire()

    assert clock.now() + timedelta(seconds=121) == sleepy.now()


def test_old_grants_go(ledger: Ledger) -> None:
    """The table of grants does not grow with time."""
    for _ in range(100):
        ledger.budget.acquire()
    with ledger.database.read() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM rate_grants")) <= 15


@given(
    limit=some.integers(1, 7),
    pauses=some.lists(some.floats(0, 90), min_size=1, max_size=60),
    slow=some.dictionaries(some.integers(0, 59), some.floats(0, 200), max_size=2),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_no_window_is_over(database: Database, limit: int, pauses: list[float], slow: dict[int, float]) -> None:
    """Whatever the callers' rhythm, with and without 429s: no 60 seconds see more calls than the limit."""
    clock = FakeClock()
    with database.write() as connection:
        connection.execute(sa.text("DELETE FROM rate_grants"))
        connection.execute(sa.text("UPDATE rate_pause SET until = NULL"))
    budget = LedgerBudget(database, limit, clock)
    calls: list[datetime] = []
    for number, pause in enumerate(pauses):
        clock.advance(pause if pause > 45 else 0)
        budget.acquire()
        calls.append(clock.now())
        if number in slow:
            budget.slow_down(slow[number])

    assert most_in_a_minute(calls) <= limit


def test_processes_share_it(url: str) -> None:
    """Three processes at 5 a minute for 40 minutes: no window over 5, 99 % of the budget used, nobody starved."""
    seats, minutes, limit = 3, 40, 5
    clock = SharedClock(FORK, seats)
    answers = FORK.Queue()
    children = [FORK.Process(target=_call, args=(url, clock, seat, minutes, limit, answers)) for seat in range(seats)]
    for child in children:
        child.start()
    by_caller = [answers.get(timeout=60) for _ in children]
    for child in children:
        child.join(20)

    calls = [call for one in by_caller for call in one]
    assert limit == most_in_a_minute(calls)
    assert 0.99 * limit * minutes <= len(calls)
    assert 0.9 * len(calls) / seats <= min(map(len, by_caller))


def _call(url: str, clock: SharedClock, seat: int, minutes: int, limit: int, answers) -> None:
    """Call as fast as the budget lets, each call taking a moment, until the minutes are over."""
    clock.sit(seat)
    rng = Random(seat)
    end = clock.now() + timedelta(minutes=minutes)
    calls: list[datetime] = []
    with Ledger.open(url, clock, calls_per_minute=limit) as ledger:
        while True:
            ledger.budget.acquire()
            if clock.now() >= end:
                break
            calls.append(clock.now())
            clock.sleep(rng.uniform(0.05, 0.5))
    clock.leave()
    answers.put(calls)


def test_a_killed_caller_costs_one_call(url: str, clock: FakeClock) -> None:
    """A promise to a process that died is lost once; the others go on at the rate."""
    with Ledger.open(url, clock, calls_per_minute=1) as ledger:
        ledger.budget.acquire()
        ledger.budget._reserve(None)

        ledger.budget.acquire()

    assert [121.0] == clock.slept


class _Hours(SystemClock):
    """A machine whose clock is hours ahead of its server's."""

    def now(self) -> datetime:
        return super().now() + timedelta(hours=5)


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_servers_clock_is_everybodys(url: str) -> None:
    """Machines whose clocks disagree share a server's budget all the same: its clock decides."""
    with (
        Ledger.open(url, SystemClock(), calls_per_minute=1) as here,
        Ledger.open(url, _Hours(), calls_per_minute=1) as there,
    ):
        here.budget.acquire(timeout=0)

        with pytest.raises(RateLimited):
            there.budget.acquire(timeout=50)
