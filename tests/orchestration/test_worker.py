"""The worker: every task ends in one recorded outcome, whatever its handler does."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from random import Random

import pytest
from structlog.testing import capture_logs

from forebay.errors import (
    CheckFailed,
    NotPublishedYet,
    RateLimited,
    StoreError,
    StoreFull,
    UsageError,
    VendorUnavailable,
    WrongKey,
)
from forebay.ledger.filter import TaskFilter
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.intervals import Interval
from forebay.model.partition import Partition, Source
from forebay.model.task import Done, Snooze, TaskDraft, TaskKind, TaskState
from forebay.orchestration.leases import HeldLeases
from forebay.orchestration.worker import Worker

DAY = date(2026, 3, 2)


def drafts(count, destination="lake"):
    for number in range(count):
        day = DAY + timedelta(days=number)
        partition = Partition("stocks/bars_1d", "*", Interval(day, day))
        yield TaskDraft(TaskKind.LOAD, f"key-{number}", "dataset", partition, destination, Source.FLATFILE)


def done(lease, clock):
    draft = lease.task.draft
    row = Coverage(draft.partition, "lake", draft.source, Verdict.COMPLETE, Evidence(rows=1), clock.now())
    return Done((row,))


def worker(ledger, clock, handler, concurrency=2):
    return Worker(ledger, {TaskKind.LOAD: handler}, clock, "worker-1", concurrency, HeldLeases(ledger.tasks))


def counts(ledger):
    return {state: count for state, count in ledger.tasks.counts().items() if count}


def test_every_task_is_run_once_and_covered(ledger, clock):
    """Fifty tasks on four threads: each handled once, all completed, all covered."""
    ledger.tasks.add(drafts(50))
    seen = []
    worker(ledger, clock, lambda lease, step: seen.append(lease.task.id) or done(lease, clock), 4).drain()

    assert 50 == len(seen) == len(set(seen))
    assert {TaskState.COMPLETED: 50} == counts(ledger)
    assert 50 == len(ledger.coverage.covered("lake", "stocks/bars_1d")["*"])


def test_a_failure_that_passes_is_tried_again_after_its_backoff(ledger, clock):
    """Two failures, then success; the waits are the clock's."""
    ledger.tasks.add(drafts(1))
    failures = iter([VendorUnavailable("cut"), VendorUnavailable("cut again")])

    def handle(lease, step):
        step(TaskState.DOWNLOADING)
        for error in failures:
            raise error
        return done(lease, clock)

    worker(ledger, clock, handle).drain()

    assert {TaskState.COMPLETED: 1} == counts(ledger)
    assert sum(clock.slept) > 1


@pytest.mark.parametrize(
    ("error", "attempts"),
    [
        (VendorUnavailable("down"), 3),  # two retries
        (CheckFailed("bad rows"), 1),
        (ZeroDivisionError("a bug"), 3),
    ],
)
def test_what_does_not_pass_is_given_up_with_its_reason(ledger, clock, error, attempts):
    """The error is in the ledger, the attempts are bounded, and the others go on."""
    ledger.tasks.add(drafts(2))
    tried = []

    def handle(lease, step):
        if lease.task.draft.key != "key-0":
            return done(lease, clock)
        tried.append(lease)
        raise error

    worker(ledger, clock, handle).drain()
    failed = [task for task in ledger.tasks.find() if task.state is TaskState.PERMANENT_FAILURE]

    assert attempts == len(tried)
    assert {TaskState.COMPLETED: 1, TaskState.PERMANENT_FAILURE: 1} == counts(ledger)
    assert str(error) in failed[0].error_message


def test_a_429_counts_no_attempt(ledger, clock):
    """Ten refusals for the rate's sake, then success: not one counted."""
    ledger.tasks.add(drafts(1))
    refusals = iter([RateLimited("slow down", retry_after=1) for _ in range(10)])

    def handle(lease, step):
        for error in refusals:
            raise error
        return done(lease, clock)

    worker(ledger, clock, handle).drain()

    assert [(TaskState.COMPLETED, 0)] == [(task.state, task.attempt) for task in ledger.tasks.find()]


def test_what_is_not_published_yet_is_left_for_later(ledger, clock):
    """A snooze ends the run, not the task."""
    ledger.tasks.add(drafts(1))
    until = clock.now() + timedelta(hours=5)

    def handle(lease, step):
        raise NotPublishedYet("tonight", until=until)

    worker(ledger, clock, handle).drain()

    assert [(TaskState.PENDING, 0, until)] == [(t.state, t.attempt, t.available_at) for t in ledger.tasks.find()]


@pytest.mark.parametrize(
    "error",
    [StoreError("not yours"), StoreFull("the disk is full"), WrongKey("unknown key"), UsageError("LAKE_URI is wrong")],
)
def test_what_no_task_can_escape_stops_the_run_and_costs_nothing(ledger, clock, error):
    """A full disk is told once, not once for each of a thousand tasks; every task stays pending."""
    ledger.tasks.add(drafts(20))
    tried = []

    def handle(lease, step):
        tried.append(lease)
        raise error

    with pytest.raises(type(error)):
        worker(ledger, clock, handle).drain()

    assert len(tried) <= 2
    assert {TaskState.PENDING: 20} == counts(ledger)
    assert {0} == {task.attempt for task in ledger.tasks.find()}


def test_stop_finishes_what_runs_and_takes_no_more(ledger, clock):
    """SIGTERM drains: the running task completes, the rest stays."""
    ledger.tasks.add(drafts(5))
    running = threading.Event()

    def handle(lease, step):
        one.stop()
        running.set()
        return done(lease, clock)

    one = worker(ledger, clock, handle, concurrency=1)
    one.drain()

    assert running.is_set()
    assert {TaskState.COMPLETED: 1, TaskState.PENDING: 4} == counts(ledger)


def test_a_worker_that_lost_its_lease_records_nothing(ledger, clock):
    """Taken over meanwhile: the late result is void."""
    ledger.tasks.add(drafts(1))

    def handle(lease, step):
        clock.advance(61)
        ledger.tasks.rescue()
        one.stop()
        return done(lease, clock)

    one = worker(ledger, clock, handle, concurrency=1)
    one.drain()

    assert {TaskState.PENDING: 1} == counts(ledger)
    assert {} == ledger.coverage.covered("lake", "stocks/bars_1d")


def test_a_renewal_that_meets_a_task_as_it_ends_has_lost_nothing(ledger, clock):
    """Between the ledger's last word on a task and the worker's, a heartbeat says nothing of a lost lease."""
    ledger.tasks.add(drafts(1))
    leases = HeldLeases(ledger.tasks)
    lease = ledger.tasks.claim("worker-1")
    leases.hold(lease)
    leases.ends(lease)
    ledger.tasks.finish(lease, done(lease, clock))

    with capture_logs() as said:
        leases.renew()

    assert [] == said
    leases.check(lease)


def test_an_aborted_worker_gives_its_task_back_at_once(ledger, clock):
    """The second SIGTERM: the task is pending again, nothing is counted, and what still runs can record nothing."""
    ledger.tasks.add(drafts(3))
    running = threading.Event()

    def handle(lease, step):
        running.set()
        while not one.aborted:
            threading.Event().wait(0.01)
        while ledger.tasks.get(lease.task.id).state.held:  # breaks off later than it was told
            threading.Event().wait(0.01)
        return done(lease, clock)

    one = worker(ledger, clock, handle, concurrency=1)
    runner = threading.Thread(target=one.drain)
    runner.start()
    running.wait(20)
    one.abort()
    runner.join(20)

    assert not runner.is_alive()
    assert {TaskState.PENDING: 3} == counts(ledger)
    assert {0} == {task.attempt + task.crashes for task in ledger.tasks.find()}


def test_a_task_that_breaks_off_as_soon_as_it_is_told_is_given_back_too(ledger, clock):
    """A transfer that notices the second SIGTERM before its worker gives it back leaves no lease behind."""
    ledger.tasks.add(drafts(1))

    def handle(lease, step):
        one.abort()
        one.leases.check(lease)

    one = worker(ledger, clock, handle, concurrency=1)
    one.drain()

    assert {TaskState.PENDING: 1} == counts(ledger)
    assert {0} == {task.attempt + task.crashes for task in ledger.tasks.find()}


def test_a_file_too_large_for_the_disk_fails_alone(ledger, clock):
    """What does not fit is given up with its reason; what fits is stored."""
    ledger.tasks.add(drafts(10, "archive"))

    def handle(lease, step):
        if lease.task.draft.key == "key-4":
            raise StoreFull("no room for 9 GB")
        return done(lease, clock)

    worker(ledger, clock, handle).drain()

    assert {TaskState.COMPLETED: 9, TaskState.PERMANENT_FAILURE: 1} == counts(ledger)


def test_a_disk_without_room_for_any_file_stops_the_run(ledger, clock):
    """The queue is not burnt down to failures one by one."""
    ledger.tasks.add(drafts(50, "archive"))

    def handle(lease, step):
        raise StoreFull("no room")

    with pytest.raises(StoreFull):
        worker(ledger, clock, handle).drain()

    assert 0 == counts(ledger).get(TaskState.PERMANENT_FAILURE, 0)
    assert 50 == sum(counts(ledger).values())


def test_an_outage_does_not_burn_the_queue_down(ledger, clock):
    """Nobody answers: the run ends with that error, and no task was given up for it."""
    ledger.tasks.add(drafts(50))

    def handle(lease, step):
        raise VendorUnavailable("no answer")

    with pytest.raises(VendorUnavailable):
        worker(ledger, clock, handle).drain()

    assert {TaskState.PENDING, TaskState.FAILED_DOWNLOAD} == set(counts(ledger))
    assert 50 == sum(counts(ledger).values())


def test_a_serving_worker_outlives_an_outage(ledger, clock):
    """It looks again after a pause, and everything is done when the vendor is back."""
    ledger.tasks.add(drafts(20))
    away, done_all = iter(range(8)), threading.Event()

    def handle(lease, step):
        if next(away, None) is not None:
            raise VendorUnavailable("no answer")
        return done(lease, clock)

    one = worker(ledger, clock, handle)
    one.on_end = lambda *_: done_all.set() if counts(ledger) == {TaskState.COMPLETED: 20} else None
    runner = threading.Thread(target=one.serve, args=(0.01, Random(1)))
    runner.start()

    assert done_all.wait(30)
    one.stop()
    runner.join(30)
    assert not runner.is_alive()


def test_a_serving_worker_takes_what_is_added_later_and_ends_when_told(ledger, clock):
    """Polling: a task that is added while it idles is run; `stop` ends it."""
    handled = threading.Event()

    def handle(lease, step):
        handled.set()
        return done(lease, clock)

    one = worker(ledger, clock, handle)
    runner = threading.Thread(target=one.serve, args=(0.05, Random(1)))
    runner.start()
    ledger.tasks.add(drafts(1))

    assert handled.wait(20)
    one.stop()
    runner.join(20)
    assert not runner.is_alive()
    assert {TaskState.COMPLETED: 1} == counts(ledger)


def test_one_task_is_run_by_its_number(ledger, clock):
    """That one and no other, whatever its priority; its steps are told as they come."""
    ledger.tasks.add(drafts(3))
    steps = []

    def handle(lease, step):
        step(TaskState.DOWNLOADING, TaskState.DOWNLOADED)
        return done(lease, clock)

    ended = worker(ledger, clock, handle).run_task(2, lambda task, state: steps.append((task.id, state)))

    assert (2, TaskState.COMPLETED, 1) == (ended.task.id, ended.state, len(ended.outcome.coverage))
    assert [(2, TaskState.DOWNLOADED)] == steps
    assert {TaskState.PENDING: 2, TaskState.COMPLETED: 1} == counts(ledger)


def test_one_task_is_left_alone_unless_it_may_be_claimed(ledger, clock):
    """Held by another, over, paused, not due yet, of another kind, unknown: none of them is run or changed."""
    ledger.tasks.add(drafts(5))
    held = ledger.tasks.claim("worker-2", task_id=1)
    ledger.tasks.cancel(TaskFilter(ids=[2]), "a person")
    ledger.tasks.pause(TaskFilter(ids=[3]))
    ledger.tasks.finish(ledger.tasks.claim("worker-2", task_id=4), Snooze(clock.now() + timedelta(hours=1), "later"))
    before = ledger.tasks.find()
    alone = worker(ledger, clock, None)
    other = Worker(ledger, {TaskKind.FETCH: None}, clock, "worker-1", 1, HeldLeases(ledger.tasks))

    assert [None] * 5 == [alone.run_task(number) for number in (1, 2, 3, 4, 99)]
    assert other.run_task(5) is None
    assert before == ledger.tasks.find()
    assert 1 == held.task.id


@pytest.mark.parametrize("stopped", [False, True])
def test_it_pauses_between_two_tasks(ledger, clock, stopped):
    """TASK_DELAY, by the clock, after each task; a worker that was told to stop does not wait."""
    ledger.tasks.add(drafts(2))
    slow = worker(ledger, clock, lambda lease, step: (stopped and slow.stop()) or done(lease, clock), concurrency=1)
    slow.delay = 7
    begun = clock.now()
    slow.drain()

    assert timedelta(seconds=0 if stopped else 14) == clock.now() - begun
