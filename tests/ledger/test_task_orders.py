"""What a person may order: pause, resume, cancel, prioritise."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ledger_nouns import BARS, covers, day, draft, revision, span

from forebay.errors import LeaseLost
from forebay.ledger import Ledger
from forebay.ledger.tasks import TaskFilter
from forebay.model.task import Discard, Done, Retry, TaskKind, TaskState
from forebay.testing import FakeClock

ALL = TaskFilter()


def test_a_paused_task_is_left_alone(ledger: Ledger) -> None:
    """It is not claimed and not due, however often it is paused or added again, until it is resumed."""
    ledger.tasks.add([draft(0)])

    assert (1, 0) == (ledger.tasks.pause(ALL), ledger.tasks.pause(ALL))
    ledger.tasks.add([draft(0, revision=revision("e2"))], again=True)
    assert (None, None) == (ledger.tasks.claim("w"), ledger.tasks.next_due())
    assert (1, 0) == (ledger.tasks.resume(ALL), ledger.tasks.resume(ALL))
    assert revision("e2") == ledger.tasks.claim("w").task.draft.revision


def test_a_pause_lets_an_attempt_end(ledger: Ledger, clock: FakeClock) -> None:
    """A worker finishes what it began; if it failed, the next attempt waits for `resume`, even over an `again`."""
    ledger.tasks.add([draft(0), draft(1)])
    leases = [ledger.tasks.claim("w") for _ in range(2)]
    ledger.tasks.pause(ALL)

    assert TaskState.COMPLETED == ledger.tasks.finish(leases[0], Done((covers(0, 0),)))
    ledger.tasks.finish(leases[1], Retry("cut", "cut"))
    clock.advance(3600)
    ledger.tasks.add([draft(1)], again=True)

    assert ledger.tasks.claim("w") is None
    assert 1 == ledger.tasks.resume(ALL)
    assert leases[1].task.id == ledger.tasks.claim("w").task.id


def test_cancelling_ends_what_waits_and_what_runs(ledger: Ledger) -> None:
    """Waiting, failed and held tasks are given up with the reason; a worker hears of it, and what is over stays."""
    ledger.tasks.add(draft(number) for number in range(4))
    done, failed, running = [ledger.tasks.claim("w") for _ in range(3)]
    ledger.tasks.finish(done, Done(()))
    ledger.tasks.finish(failed, Retry("cut", "cut"))

    assert 3 == ledger.tasks.cancel(ALL, "wrong bucket")

    with pytest.raises(LeaseLost):
        ledger.tasks.finish(running, Done((covers(0, 0),)))
    ended = [task for task in ledger.tasks.find() if task.state is TaskState.PERMANENT_FAILURE]
    assert [("cancelled", "wrong bucket")] * 3 == [(task.error_kind, task.error_message) for task in ended]
    assert {} == ledger.coverage.covered("lake", BARS)
    assert ledger.tasks.claim("w") is None


def test_only_a_person_revives_what_was_cancelled(ledger: Ledger, clock: FakeClock) -> None:
    """No plan starts it over, not for a new revision either; `retry` and `cancelled` do."""
    newer = draft(0, revision=revision("e2"))
    for revive in (ledger.tasks.retry, lambda: ledger.tasks.add([newer], again=True, cancelled=True)):
        ledger.tasks.add([draft(0)])
        ledger.tasks.cancel(ALL, "not wanted")
        clock.advance(1)

        assert 0 == ledger.tasks.add([newer], again=True, planned_at=clock.now())
        assert 0 == ledger.tasks.add([newer], cancelled=True)
        assert 1 == revive()
        assert 1 == ledger.tasks.counts()[TaskState.PENDING]


def test_what_a_discoverer_starts_over(ledger: Ledger, clock: FakeClock) -> None:
    """Without `again`: coverage that was withdrawn and new revisions, but nothing that waits or was given up."""
    ledger.tasks.add(draft(number) for number in range(4))
    outcomes = [Done((covers(0, 0),)), Retry("cut", "cut"), Discard("bad", "broken")]
    leases = [ledger.tasks.claim("w") for _ in outcomes]
    for lease, outcome in zip(leases, outcomes, strict=True):
        ledger.tasks.finish(lease, outcome)
    before = {task.id: task for task in ledger.tasks.find()}
    clock.advance(1)

    assert 1 == ledger.tasks.add((draft(number) for number in range(4)), planned_at=clock.now())
    after = {task.id: task for task in ledger.tasks.find()}
    assert [leases[0].task.id] == [id_ for id_ in after if after[id_] != before[id_]]
    assert 1 == ledger.tasks.add([draft(2, revision=revision("e2"))], planned_at=clock.now())


def test_on_demand_takes_up_what_failed(ledger: Ledger) -> None:
    """With `again`, failed and given-up tasks are due at once."""
    ledger.tasks.add([draft(0), draft(1)])
    for outcome in (Retry("cut", "cut", after=900), Discard("bad", "broken")):
        ledger.tasks.finish(ledger.tasks.claim("w"), outcome)

    assert 2 == ledger.tasks.add([draft(0), draft(1)], again=True)
    assert {0, 1} == {(ledger.tasks.claim("w").task.draft.partition.day - day(0)).days for _ in range(2)}


def test_a_higher_priority_comes_first(ledger: Ledger) -> None:
    """A task that was given priority overtakes; one that is over is not touched."""
    ledger.tasks.add(draft(number) for number in range(3))
    ledger.tasks.finish(ledger.tasks.claim("w"), Done(()))

    assert 1 == ledger.tasks.prioritise(TaskFilter(dates=span(2, 9)), 7)
    assert 0 == ledger.tasks.prioritise(TaskFilter(dates=span(0, 0)), 7)
    assert draft(2, priority=7) == ledger.tasks.claim("w").task.draft


def test_orders_and_questions_narrow_alike(ledger: Ledger) -> None:
    """Kind, key, dates and worker narrow what is found."""
    one = replace(draft(5), kind=TaskKind.MIRROR, priority=1)
    ledger.tasks.add([draft(0), one])
    ledger.tasks.claim("busy")
    marks = [TaskFilter(kind=TaskKind.MIRROR), TaskFilter(key=one.key), TaskFilter(dates=span(5, 6))]
    marks.append(TaskFilter(worker="busy"))

    assert [[one]] * 4 == [[task.draft for task in ledger.tasks.find(mark)] for mark in marks]
    assert [] == ledger.tasks.find(TaskFilter(worker="idle"))
