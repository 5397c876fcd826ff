"""A run that begins right after another was killed waits for the leases that it left, and for nothing else."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from forebay.ledger.claim import LEASE
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.intervals import Interval
from forebay.model.partition import Partition, Source
from forebay.model.task import Done, TaskDraft, TaskKind, TaskState
from forebay.orchestration.leases import HeldLeases
from forebay.orchestration.plan import Line, Plan
from forebay.orchestration.sync import carry_out
from forebay.orchestration.worker import Worker

DAYS = [date(2026, 3, 2) + timedelta(days=number) for number in range(3)]


def draft(day):
    partition = Partition("stocks/bars_1d", "*", Interval(day, day))
    return TaskDraft(TaskKind.LOAD, f"file-{day}", "dataset", partition, "lake", Source.FLATFILE)


def plan(clock, days=DAYS):
    drafts = [draft(day) for day in days]
    line = Line("feed", "stocks/bars_1d", "lake", Source.FLATFILE, drafts, len(drafts), len(drafts), 0, 0, 0, 0, "test")
    return Plan(clock.now(), (line,))


def worker(ledger, clock):
    def handle(lease, step):
        own = lease.task.draft
        row = Coverage(own.partition, "lake", own.source, Verdict.COMPLETE, Evidence(rows=1), clock.now())
        return Done((row,))

    return Worker(ledger, {TaskKind.LOAD: handle}, clock, "ours", 2, HeldLeases(ledger.tasks))


@pytest.fixture
def left(ledger):
    """The lease of a worker on a machine that is gone."""
    ledger.tasks.add([draft(DAYS[0])])
    return ledger.tasks.claim("theirs")


def states(ledger):
    return {state: count for state, count in ledger.tasks.counts().items() if count}


def test_what_a_dead_worker_held_is_done_when_its_lease_ends(ledger, clock, left):
    """The run is not over before, says for what it waits and until when, and waits no longer than a lease."""
    began, told = clock.now(), []

    carry_out(plan(clock), ledger, worker(ledger, clock), told.append)

    assert {TaskState.COMPLETED: 3} == states(ledger)
    assert LEASE <= clock.now() - began <= LEASE + timedelta(seconds=5)
    until = f"{left.expires_at:%H:%M:%S} UTC at the latest"
    assert [f"1 task is held by worker theirs: waiting until {until}, to take over what a dead worker leaves"] == told


def test_a_worker_that_renews_its_lease_keeps_its_task(ledger, clock, left):
    """It lives: the run waits for one sign of that, and says who is at it."""
    began, told = clock.now(), []
    ours = worker(ledger, clock)
    ours.beat = lambda: clock.now() - began > timedelta(seconds=10) and ledger.tasks.renew(left)

    carry_out(plan(clock), ledger, ours, told.append)

    assert {TaskState.COMPLETED: 2, TaskState.PROCESSING: 1} == states(ledger)
    assert clock.now() - began < timedelta(seconds=20)
    assert "1 task is held by worker theirs, whose lease goes on: `forebay status` shows when all is done" == told[-1]


def test_what_a_living_worker_gives_back_is_done(ledger, clock, left):
    """A task that is released while the run waits is its own at once."""
    ours = worker(ledger, clock)
    waits = iter(range(100))
    began = clock.now()
    ours.beat = lambda: clock.now() > began and next(waits) == 3 and ledger.tasks.release(left)

    carry_out(plan(clock), ledger, ours)

    assert {TaskState.COMPLETED: 3} == states(ledger)
    assert clock.now() - began < timedelta(seconds=20)


def test_what_nobody_asked_for_is_not_waited_for(ledger, clock, left):
    """Another's work that this plan has no part in costs it no second."""
    began, told = clock.now(), []

    carry_out(plan(clock, DAYS[1:]), ledger, worker(ledger, clock), told.append)

    assert (began, []) == (clock.now(), told)


def test_who_is_told_to_stop_waits_no_longer(ledger, clock, left):
    """A stop is heard between two looks."""
    began = clock.now()
    ours = worker(ledger, clock)
    ours.beat = lambda: clock.now() > began and ours.stop()

    carry_out(plan(clock), ledger, ours)

    assert clock.now() - began < timedelta(seconds=5)
    assert 1 == states(ledger)[TaskState.PROCESSING]


def test_a_machine_whose_clock_is_fast_is_waited_for_no_longer_than_a_lease(ledger, clock, left):
    """Its leases seem to last for hours."""
    began, told = clock.now(), []
    clock.advance(3600)
    ledger.tasks.renew(left)
    clock.advance(-3600)

    carry_out(plan(clock), ledger, worker(ledger, clock), told.append)

    assert clock.now() - began <= LEASE + timedelta(seconds=5)
    assert ["waiting until", "whose lease goes on"] == [
        words for words in ("waiting until", "whose lease goes on") if any(words in line for line in told)
    ]
