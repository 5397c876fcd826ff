"""A task that comes after another destination's waits for it, and never for ever."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from ledger_nouns import draft, revision

from forebay.db.tables import tasks
from forebay.ledger import Ledger
from forebay.ledger.claim import CRASH_LIMIT
from forebay.ledger.tasks import TaskFilter
from forebay.model.task import Discard, Done, Outcome, Retry, Snooze, TaskKind, TaskState
from forebay.testing import FakeClock

LAKE = TaskFilter(destination="lake")
ARCHIVE = TaskFilter(destination="archive")


def first(number: int = 0, **changes):
    return draft(number, kind=TaskKind.MIRROR, destination="archive", **changes)


def later(number: int = 0, **changes):
    return draft(number, after="archive", **changes)


def hold(ledger: Ledger) -> str | None:
    """What holds the lake's only task back."""
    (task,) = ledger.tasks.find(LAKE)
    return task.hold


@pytest.mark.parametrize("drafts", [[first(), later()], [later(), first()]])
def test_a_task_waits_for_the_one_beside_it(ledger: Ledger, drafts) -> None:
    """In whichever order both come, only the archive's can be claimed, and nothing else is due."""
    ledger.tasks.add(drafts)

    assert "archive" == ledger.tasks.claim("w").task.draft.destination
    assert ledger.tasks.claim("w") is None
    assert ledger.tasks.next_due() is None
    assert "after:archive" == hold(ledger)


def test_a_task_waits_for_one_that_was_there(ledger: Ledger) -> None:
    """The archive's task may have come earlier, and may be under way."""
    ledger.tasks.add([first()])
    ledger.tasks.claim("w")
    ledger.tasks.add([later()])

    assert "after:archive" == hold(ledger)


def test_nothing_to_wait_for(ledger: Ledger) -> None:
    """Without such a task, with another key's, or with one that is over, it begins at once."""
    ledger.tasks.add([first(0), first(1)])
    while lease := ledger.tasks.claim("w"):
        ledger.tasks.finish(lease, Done(()) if lease.task.draft.key == first(0).key else Retry("cut", "cut", after=900))
    ledger.tasks.add([later(0), later(2)])

    assert [None, None] == [task.hold for task in ledger.tasks.find(LAKE)]


@pytest.mark.parametrize("outcome", [Done(()), Discard("bad", "broken")])
def test_the_end_of_one_is_the_start_of_the_other(ledger: Ledger, outcome: Outcome) -> None:
    """Completed or given up: the one that waited for this key is claimable, the others go on waiting."""
    ledger.tasks.add([first(0), later(0), first(1), later(1)])
    ledger.tasks.finish(ledger.tasks.claim("w"), outcome)

    assert [later(0).key] == [task.draft.key for task in ledger.tasks.find(LAKE) if task.hold is None]


def test_a_pause_is_no_end(ledger: Ledger, clock: FakeClock) -> None:
    """A retry and a snooze of the archive's task let nobody go."""
    ledger.tasks.add([first(), later()])
    for outcome in (Retry("cut", "cut"), Snooze(clock.now() + timedelta(days=1), "cap")):
        clock.advance(3600)
        ledger.tasks.finish(ledger.tasks.claim("w"), outcome)
        ledger.tasks.rescue()
        assert "after:archive" == hold(ledger)


def test_a_poisonous_task_lets_go(ledger: Ledger, clock: FakeClock) -> None:
    """When the rescue gives the archive's task up, the lake's begins."""
    ledger.tasks.add([first(), later()])
    for _ in range(CRASH_LIMIT):
        assert "after:archive" == hold(ledger)
        ledger.tasks.claim("victim")
        clock.advance(61)
        ledger.tasks.rescue()

    assert hold(ledger) is None


@pytest.mark.parametrize("end", ["cancel", "forget"])
def test_a_task_that_is_taken_away_lets_go(ledger: Ledger, end: str) -> None:
    """A cancelled or forgotten task is waited for by nobody."""
    ledger.tasks.add([first(), later()])
    if end == "cancel":
        ledger.tasks.cancel(ARCHIVE, "not wanted")
    else:
        ledger.tasks.forget([task.id for task in ledger.tasks.find(ARCHIVE)])

    assert hold(ledger) is None


def test_the_rescue_finds_who_was_left_waiting(ledger: Ledger) -> None:
    """A row whose predecessor vanished behind the ledger's back is released by the next rescue, which counts leases."""
    ledger.tasks.add([first(), later()])
    with ledger.database.write() as connection:
        connection.execute(sa.delete(tasks).where(tasks.c.destination == "archive"))

    assert 0 == ledger.tasks.rescue()
    assert hold(ledger) is None


def test_a_replaced_file_waits_again(ledger: Ledger) -> None:
    """When both start over with a new revision, the lake's waits for the archive's once more."""
    ledger.tasks.add([first(), later()])
    for _ in range(2):
        ledger.tasks.finish(ledger.tasks.claim("w"), Done(()))
    newer = revision("e2")

    assert 2 == ledger.tasks.add([first(revision=newer), later(revision=newer)])
    assert "after:archive" == hold(ledger)


def test_a_paused_task_goes_on_waiting(ledger: Ledger) -> None:
    """Pausing and resuming does not forget what a task waits for; if that ends meanwhile, only the pause is left."""
    ledger.tasks.add([first(), later()])
    ledger.tasks.pause(LAKE)
    assert "paused,after:archive" == hold(ledger)
    ledger.tasks.resume(LAKE)
    assert "after:archive" == hold(ledger)
    ledger.tasks.pause(LAKE)
    ledger.tasks.finish(ledger.tasks.claim("w"), Done(()))
    assert "paused" == hold(ledger)
    assert ledger.tasks.claim("w") is None
    ledger.tasks.resume(LAKE)

    assert TaskState.PROCESSING == ledger.tasks.claim("w").task.state
