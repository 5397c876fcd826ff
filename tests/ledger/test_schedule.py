"""Several daemons share a schedule: one leads, each run is begun once, and the switch is obeyed."""

from __future__ import annotations

from concurrent.futures import Future
from datetime import timedelta

import pytest

from forebay.errors import UsageError
from forebay.ledger import Ledger
from forebay.ledger.schedule import LEADS, ScheduleBook
from forebay.orchestration.schedule.scheduler import Job, Scheduler
from forebay.orchestration.schedule.triggers import every_minutes

MINUTE = timedelta(minutes=1)


@pytest.fixture
def book(ledger: Ledger, clock) -> ScheduleBook:
    return ScheduleBook(ledger.database, clock)


@pytest.fixture
def daemon(book, clock):
    """Makes daemons; each run of their one job writes the daemon's name into `daemon.ran`."""

    def make(name: str, run=lambda: None, **more) -> Scheduler:
        def note(_) -> None:
            make.ran.append(name)
            run()

        made = Scheduler(book, [Job("look", every_minutes(1), MINUTE, note)], clock, name, **more)
        made.register()
        return made

    make.ran = []
    return make


def test_of_two_daemons_one_runs_the_job_and_the_other_takes_over_when_it_dies(daemon, book, clock) -> None:
    """Each minute once; after the lease of the dead one."""
    one, two = daemon("one"), daemon("two")
    for _ in range(2):
        clock.advance(60)
        one.tick()
        two.tick()
    assert ["one", "one"] == daemon.ran

    clock.advance(LEADS.total_seconds())
    two.tick()
    one.tick()
    assert (["one", "one", "two"], "two") == (daemon.ran, book.look().leader)


def test_a_daemon_that_resigns_is_followed_at_once(daemon, book, clock) -> None:
    """Nothing has to run out."""
    one, two = daemon("one"), daemon("two")
    one.tick()
    book.resign("two")  # not its to give up
    assert "one" == book.look().leader
    book.resign("one")
    clock.advance(60)
    two.tick()
    assert ["two"] == daemon.ran


def test_a_run_that_was_begun_is_not_begun_again(book, clock) -> None:
    """Whoever leads: by the time that the run was due. One that does not lead begins nothing."""
    now = clock.now()
    book.register({"look": now + MINUTE})
    clock.advance(60)
    due, later = now + MINUTE, now + 2 * MINUTE
    assert not book.begin("look", due, later, "one")
    book.lead("one")
    assert [True, False] == [book.begin("look", due, later, "one") for _ in range(2)]


def test_a_stopped_schedule_runs_nothing_and_has_no_next_run(daemon, book, clock) -> None:
    """What start and stop say counts for every daemon; a leader stays one."""
    one = daemon("one")
    book.switch(on=False)
    clock.advance(60)
    one.tick()
    stopped = book.look()
    assert ([], False, "one", None) == (daemon.ran, stopped.running, stopped.leader, stopped.jobs[0].next_run)

    book.switch(on=True)
    one.tick()
    started = book.look()
    assert (["one"], True, clock.now() + MINUTE) == (daemon.ran, started.running, started.jobs[0].next_run)


def test_a_failure_is_written_down_and_ends_nothing(daemon, book, clock) -> None:
    """An error that has a remedy and a bug alike; the next run clears it."""
    failures = iter([UsageError("no key", remedy="set one"), ValueError("what"), None])

    def fail() -> None:
        if error := next(failures):
            raise error

    one, said = daemon("one", fail), []
    for _ in range(3):
        clock.advance(60)
        one.tick()
        said.append(book.look().jobs[0].error)
    assert (["no key", "ValueError: what", None], 3) == (said, book.look().jobs[0].runs)


def test_a_run_that_takes_long_is_not_overlapped(daemon, clock) -> None:
    """The turns that it missed are one run when it has ended."""
    begun: list[Future[None]] = []

    def start(run) -> Future[None]:
        run()
        begun.append(Future())
        return begun[-1]

    one = daemon("one", start=start)
    for _ in range(3):
        clock.advance(60)
        one.tick()
    assert ["one"] == daemon.ran
    begun[0].set_result(None)
    clock.advance(1)
    one.tick()
    assert ["one", "one"] == daemon.ran


def test_a_job_that_is_no_more_is_forgotten(book, clock) -> None:
    """And one that is new owes nothing of the past."""
    book.register({"old": clock.now()})
    book.register({"new": clock.now()})
    assert {"new": clock.now()} == book.done_until()
