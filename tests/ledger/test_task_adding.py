"""Adding drafts: once each, and over again exactly when there is a reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from ledger_nouns import covers, draft, revision

from forebay.ledger import Ledger
from forebay.ledger.tasks import TaskFilter
from forebay.model.partition import Partition, Source
from forebay.model.task import Discard, Done, Retry, Snooze, TaskKind, TaskState
from forebay.testing import FakeClock


def state_of(ledger: Ledger) -> TaskState:
    """The state of the only task."""
    (task,) = ledger.tasks.find()
    return task.state


def test_a_draft_comes_back_as_it_was(ledger: Ledger, clock: FakeClock) -> None:
    """Every field of a draft survives, tickers in their exact spelling, and a new task is pending now."""
    wanted = draft(3, priority=5, partition=Partition("stocks/bars_1d", "AAp", draft(3).partition.dates))
    wanted = replace(wanted, kind=TaskKind.FETCH, source=Source.REST, destination="archive")

    ledger.tasks.add([wanted])

    (task,) = ledger.tasks.find()
    assert wanted == task.draft
    assert (TaskState.PENDING, 0, 0) == (task.state, task.attempt, task.crashes)
    assert {"pending": clock.now()} == task.history
    assert clock.now() == task.created_at == task.updated_at == task.available_at


def test_a_draft_without_a_revision_has_none(ledger: Ledger) -> None:
    """REST drafts know no revision, and their tasks invent none."""
    ledger.tasks.add([draft(0, revision=None)])

    (task,) = ledger.tasks.find()
    assert task.draft.revision is None


def test_a_draft_is_added_once(ledger: Ledger) -> None:
    """The same key for the same destination is one task, within a call and over calls; another destination's is not."""
    assert 2 == ledger.tasks.add([draft(0), draft(0), draft(1)])
    assert 0 == ledger.tasks.add([draft(1), draft(0)])
    assert 1 == ledger.tasks.add([draft(0, destination="archive")])
    assert 3 == sum(ledger.tasks.counts().values())


def test_drafts_come_as_a_stream(ledger: Ledger) -> None:
    """Any number of drafts is taken from an iterator, chunk by chunk, duplicates across chunks included."""
    numbers = [*range(2345), *range(100)]

    assert 2345 == ledger.tasks.add(draft(number) for number in numbers)
    assert 2345 == ledger.tasks.counts()[TaskState.PENDING]


def test_nothing_to_add(ledger: Ledger) -> None:
    """No drafts, no tasks."""
    assert 0 == ledger.tasks.add([])


@pytest.mark.parametrize("outcome", [Done((covers(0, 0),)), Discard("bad", "broken")])
def test_an_ended_task_stays_ended(ledger: Ledger, outcome: Done | Discard) -> None:
    """The same revision, or a draft that knows none, does not start an ended task over."""
    ledger.tasks.add([draft(0)])
    ended = ledger.tasks.finish(ledger.tasks.claim("w"), outcome)

    assert 0 == ledger.tasks.add([draft(0), draft(0, revision=None, priority=3)])
    assert ended == state_of(ledger)


@pytest.mark.parametrize("outcome", [Done((covers(0, 0),)), Discard("bad", "broken")])
def test_a_replaced_file_starts_over(ledger: Ledger, clock: FakeClock, outcome: Done | Discard) -> None:
    """Another revision starts an ended task over, as new, with that revision; only its age stays."""
    born = clock.now()
    ledger.tasks.add([draft(0)])
    ledger.tasks.finish(ledger.tasks.claim("w"), outcome)
    clock.advance(60)

    assert 1 == ledger.tasks.add([draft(0, revision=revision("e2"))])

    (task,) = ledger.tasks.find()
    assert (TaskState.PENDING, 0, 0, None) == (task.state, task.attempt, task.crashes, task.error_kind)
    assert revision("e2") == task.draft.revision
    assert (born, clock.now()) == (task.created_at, task.available_at)


def test_again_starts_whatever_nobody_holds(ledger: Ledger, clock: FakeClock) -> None:
    """With `again`, ended, failed and snoozed tasks are pending now; one that is held is left to its worker."""
    ledger.tasks.add([draft(0)])
    ends = [Done(()), Discard("bad", "broken"), Retry("cut", "cut"), Snooze(clock.now() + timedelta(days=1), "late")]
    for outcome in ends:
        ledger.tasks.finish(ledger.tasks.claim("w"), outcome)
        assert ledger.tasks.claim("w") is None

        assert 1 == ledger.tasks.add([draft(0)], again=True)
        assert clock.now() == ledger.tasks.next_due()

    assert 0 == ledger.tasks.add([draft(0)], again=True)
    ledger.tasks.claim("w")
    assert 0 == ledger.tasks.add([draft(0, revision=revision("e2"))], again=True)
    assert TaskState.PROCESSING == state_of(ledger)


def test_coverage_that_lapsed_is_asked_again(ledger: Ledger, clock: FakeClock) -> None:
    """A task completed before the plan looked, and still missing from it, starts over; one completed since does not."""
    ledger.tasks.add([draft(0)])
    looked_before = clock.now()
    clock.advance(1)
    ledger.tasks.finish(ledger.tasks.claim("w"), Done(()))
    clock.advance(1)

    assert 0 == ledger.tasks.add([draft(0)], planned_at=looked_before)
    assert 1 == ledger.tasks.add([draft(0)], planned_at=clock.now())


def test_a_plan_does_not_revive_what_was_given_up(ledger: Ledger, clock: FakeClock) -> None:
    """A permanent failure is not a lapse: it needs another revision or a person's word."""
    ledger.tasks.add([draft(0)])
    ledger.tasks.finish(ledger.tasks.claim("w"), Discard("bad", "broken"))
    clock.advance(1)

    assert 0 == ledger.tasks.add([draft(0)], planned_at=clock.now())


@pytest.mark.parametrize("kind", ["vendor_unavailable", "store_unavailable"])
def test_what_an_outage_gave_up_starts_over_when_it_is_planned_again(ledger: Ledger, kind: str) -> None:
    """Such an end says nothing of the file: the next day's run has it again."""
    ledger.tasks.add([draft(0)])
    ledger.tasks.finish(ledger.tasks.claim("w"), Discard(kind, "no answer"))

    assert 1 == ledger.tasks.add([draft(0)])
    assert TaskState.PENDING is state_of(ledger)


def test_a_waiting_task_takes_the_news(ledger: Ledger) -> None:
    """A task that waits takes the newest revision and priority without being counted as added."""
    ledger.tasks.add([draft(0), draft(1)])

    assert 0 == ledger.tasks.add([draft(1, revision=revision("e2"), priority=9)])

    lease = ledger.tasks.claim("w")
    assert draft(1, revision=revision("e2"), priority=9) == lease.task.draft


def test_a_file_replaced_under_way_is_not_forgotten(ledger: Ledger) -> None:
    """A held task keeps the revision it reads; once it has ended, the new one starts it over."""
    ledger.tasks.add([draft(0)])
    lease = ledger.tasks.claim("w")
    newer = draft(0, revision=revision("e2"))

    assert 0 == ledger.tasks.add([newer])
    ledger.tasks.finish(lease, Done((covers(0, 0),)))

    assert 1 == ledger.tasks.add([newer])


def test_retry_takes_what_failed(ledger: Ledger) -> None:
    """`retry` starts failed and given-up tasks over, narrowed as asked, and nothing else."""
    ledger.tasks.add(draft(number) for number in range(4))
    given_up = ledger.tasks.claim("w")
    ledger.tasks.finish(given_up, Discard("bad", "broken"))
    ledger.tasks.finish(ledger.tasks.claim("w"), Retry("cut", "cut", upload=True))
    ledger.tasks.finish(ledger.tasks.claim("w"), Done(()))

    assert 0 == ledger.tasks.retry(TaskFilter(dataset="another"))
    assert 1 == ledger.tasks.retry(TaskFilter(ids=[given_up.task.id]))
    assert 1 == ledger.tasks.retry()
    assert {TaskState.PENDING: 3, TaskState.COMPLETED: 1} == {
        state: count for state, count in ledger.tasks.counts().items() if count
    }


def test_retry_makes_what_was_put_off_due(ledger: Ledger, clock: FakeClock) -> None:
    """A cap that was raised is not waited for till midnight; a backoff that goes on anyway is cut short too."""
    ledger.tasks.add([draft(0)])
    ledger.tasks.finish(ledger.tasks.claim("w"), Snooze(clock.now() + timedelta(days=1), "cap", "cap_reached"))
    assert ledger.tasks.claim("w") is None

    assert 1 == ledger.tasks.retry()
    assert ledger.tasks.claim("w") is not None
    assert 0 == ledger.tasks.retry()


def test_a_task_is_settled_when_it_is_completed_or_cancelled(ledger: Ledger) -> None:
    """One that failed for good is not: a person may try again with what was kept for it."""
    ledger.tasks.add(draft(number) for number in range(4))
    completed, failed = ledger.tasks.claim("w"), ledger.tasks.claim("w")
    ledger.tasks.finish(completed, Done(()))
    ledger.tasks.finish(failed, Discard("bad", "broken"))
    cancelled = ledger.tasks.find(TaskFilter(states=[TaskState.PENDING]))[0]
    ledger.tasks.cancel(TaskFilter(ids=[cancelled.id]), "no use")

    settled = {task.id for task in ledger.tasks.find() if ledger.tasks.is_settled("lake", task.draft.key)}
    assert {completed.task.id, cancelled.id} == settled


def test_forget_spares_what_was_begun(ledger: Ledger) -> None:
    """`forget` deletes waiting tasks; what a worker holds or has ended stays."""
    ledger.tasks.add(draft(number) for number in range(3))
    ledger.tasks.claim("w")
    ledger.tasks.finish(ledger.tasks.claim("w"), Done(()))

    assert 1 == ledger.tasks.forget([task.id for task in ledger.tasks.find()])
    assert 2 == sum(ledger.tasks.counts().values())


def test_find_narrows_and_limits(ledger: Ledger) -> None:
    """Tasks are found by each of their marks, the last changed first, as many as asked for."""
    one = draft(0, destination="archive", dataset="d", partition=Partition("t", "S", draft(0).partition.dates))
    ledger.tasks.add([one, draft(1)])
    ledger.tasks.add([draft(2)])
    marks = [
        TaskFilter(destination="archive"),
        TaskFilter(dataset="d"),
        TaskFilter(table="t"),
        TaskFilter(symbol="S"),
        TaskFilter(states=[TaskState.PENDING], symbol="S"),
    ]

    assert [[one]] * 5 == [[task.draft for task in ledger.tasks.find(mark)] for mark in marks]
    assert [1] * 5 == [ledger.tasks.counts(mark)[TaskState.PENDING] for mark in marks]
    assert [] == ledger.tasks.find(TaskFilter(states=[TaskState.COMPLETED]))
    assert 2 == len(ledger.tasks.find(limit=2))
    assert one == ledger.tasks.get(ledger.tasks.find(marks[0])[0].id).draft
    assert ledger.tasks.get(999) is None
