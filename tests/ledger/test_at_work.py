"""What a person who looks on is told of the work, on both databases."""

from __future__ import annotations

from datetime import timedelta

from ledger_nouns import covers, draft

from forebay.ledger import Ledger
from forebay.ledger.at_work import Minute, held, throughput
from forebay.model.task import Done, Retry, TaskState
from forebay.testing import FakeClock


def test_what_was_completed_is_told_minute_by_minute(ledger: Ledger, clock: FakeClock) -> None:
    """Each task in the minute of its end, the oldest first; what ended before, or failed, is left out."""
    ledger.tasks.add([draft(number) for number in range(5)])
    outcomes = [Done((covers(0, 0, rows=1),)), Retry("x", "y"), Done((covers(1, 1, rows=2),))]
    for outcome, seconds in zip([*outcomes, Done((covers(2, 2, rows=4),))], (90, 30, 60, 30), strict=True):
        lease = ledger.tasks.claim("worker")
        assert lease is not None
        ledger.tasks.finish(lease, outcome)
        clock.advance(seconds)

    expected = [Minute(), Minute(1, 2, 99), Minute(1, 4, 99)]
    assert expected == throughput(ledger.database, clock.now() + timedelta(seconds=1), 3)


def test_who_holds_which_task(ledger: Ledger, clock: FakeClock) -> None:
    """Worker by worker, with the end of each lease; at most so many, and none of what waits or is over."""
    ledger.tasks.add([draft(number) for number in range(5)])
    done = ledger.tasks.claim("a")
    assert done is not None
    ledger.tasks.finish(done, Done((covers(0, 0),)))
    leases = [lease for worker in ("b", "a", "b") if (lease := ledger.tasks.claim(worker))]

    found = held(ledger.database, limit=9)

    assert ["a", "b", "b"] == [each.task.worker_id for each in found]
    assert {lease.task.id for lease in leases} == {each.task.id for each in found}
    assert {TaskState.PROCESSING} == {each.task.state for each in found}
    assert {clock.now() + timedelta(seconds=60)} == {each.expires_at for each in found}
    assert found[:2] == held(ledger.database, limit=2)
