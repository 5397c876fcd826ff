"""A month of a daemon's life by a clock that the test owns: each job ran when it should, once."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta

import pytest

from forebay.ledger import Ledger
from forebay.ledger.schedule import ScheduleBook
from forebay.orchestration.schedule.scheduler import Job, Scheduler
from forebay.orchestration.schedule.triggers import daily, every_minutes, in_sessions
from forebay.testing import FakeClock

FROM, TO = datetime(2026, 10, 29, 12, tzinfo=UTC), datetime(2026, 12, 2, 12, tzinfo=UTC)
"""Clocks in New York go back on 1 November; the 26th is a holiday, the 27th a half day."""
DOWN = (datetime(2026, 11, 10, 22, tzinfo=UTC), datetime(2026, 11, 11, 15, tzinfo=UTC))
"""A night without a daemon, and half an hour of the session after it."""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Job to the moments at which it ran in that month."""
    clock, moments = FakeClock(FROM), {"gaps": [], "snapshots": [], "streams": []}
    jobs = [
        Job("gaps", daily(time(0)), DAY, lambda _: moments["gaps"].append(clock.now())),
        Job("snapshots", in_sessions("XNYS", every_minutes(30)), timedelta(minutes=30),
            lambda _: moments["snapshots"].append(clock.now())),
        Job("streams", every_minutes(60), HOUR, lambda _: moments["streams"].append(clock.now())),
    ]  # fmt: skip
    folder = tmp_path_factory.mktemp("month")
    with Ledger.open(f"sqlite:///{folder}/ledger.db", clock, calls_per_minute=0) as ledger:
        daemon = Scheduler(ScheduleBook(ledger.database, clock), jobs, clock, "one")
        daemon.register()
        while clock.now() < TO:
            daemon.tick()
            coming = min(job.next_run(clock.now()) for job in jobs)
            until = DOWN[1] if DOWN[0] <= coming < DOWN[1] else coming
            clock.advance((until - clock.now()).total_seconds())
    return moments


def test_gaps_are_looked_for_every_midnight_and_the_missed_one_is_made_up_for(ran):
    """Thirty-four nights, one of them when the daemon came back; month ends and the change of clocks are no matter."""
    nights = [datetime(2026, 10, 30, tzinfo=UTC) + index * DAY for index in range(34)]
    expected = [DOWN[1] if DOWN[0] < night < DOWN[1] else night for night in nights]
    assert expected == ran["gaps"]


def test_snapshots_follow_the_exchange_not_the_clock_on_the_wall(ran):
    """Fourteen half hours from 09:30 to 16:00 in New York, before and after the change of clocks."""
    by_day = Counter(moment.date() for moment in ran["snapshots"])
    assert (datetime(2026, 10, 30, 13, 30, tzinfo=UTC), datetime(2026, 11, 2, 14, 30, tzinfo=UTC)) == tuple(
        next(moment for moment in ran["snapshots"] if moment.date() == day)
        for day in (date(2026, 10, 30), date(2026, 11, 2))
    )
    assert {14} == {by_day[date(2026, 11, day)] for day in (2, 3, 10, 12, 25, 30)}


def test_no_snapshot_on_a_holiday_a_weekend_or_after_an_early_close(ran):
    """Thanksgiving has none; the day after it ends at 13:00 in New York: eight half hours."""
    by_day = Counter(moment.date() for moment in ran["snapshots"])
    assert [0, 0, 0, 8] == [by_day[date(2026, 11, day)] for day in (1, 26, 28, 27)]


def test_what_was_missed_for_long_is_let_go(ran):
    """Of the session that began without a daemon the run of now is made, not those of before."""
    of_day = [moment for moment in ran["snapshots"] if moment.date() == DOWN[1].date()]
    assert (DOWN[1], 13) == (of_day[0], len(of_day))


def test_streams_are_looked_at_every_hour_once(ran):
    """Every full hour, the eighteen of the missed night as one."""
    assert len(set(ran["streams"])) == len(ran["streams"])
    assert int((TO - FROM) / HOUR) - 1 - 17 == len(ran["streams"])
