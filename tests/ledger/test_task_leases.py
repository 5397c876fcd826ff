"""Claiming, renewing, losing: one holder at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from ledger_nouns import BARS, covers, draft

from forebay.errors import LeaseLost
from forebay.ledger import Ledger
from forebay.ledger.claim import CRASH_LIMIT, LEASE, RENEW
from forebay.model.task import Done, Retry, Snooze, TaskKind, TaskState
from forebay.testing import FakeClock


def test_a_claim_is_a_lease(ledger: Ledger, clock: FakeClock) -> None:
    """A claimed task is processing, in its worker's name, for a minute."""
    ledger.tasks.add([draft(0)])

    lease = ledger.tasks.claim("worker-1")

    assert draft(0) == lease.task.draft
    assert ("worker-1", clock.now() + timedelta(seconds=60)) == (lease.worker_id, lease.expires_at)
    assert lease.task == ledger.tasks.get(lease.task.id)
    assert TaskState.PROCESSING == lease.task.state


def test_nothing_to_claim(ledger: Ledger) -> None:
    """An empty ledger, or one whose only task is held, has no lease to give."""
    assert ledger.tasks.claim("w") is None
    ledger.tasks.add([draft(0)])
    ledger.tasks.claim("w")
    assert ledger.tasks.claim("w") is None


def test_a_task_is_claimed_by_its_number(ledger: Ledger, clock: FakeClock) -> None:
    """That one whatever its priority, once, and only when its time has come and it is of a wanted kind."""
    ledger.tasks.add([draft(0), draft(1, priority=7), draft(2)])
    late = ledger.tasks.claim("w", task_id=3)
    ledger.tasks.finish(late, Snooze(clock.now() + timedelta(seconds=90), "not listed"))

    assert ledger.tasks.claim("w", [TaskKind.IDENTIFY], task_id=1) is None
    assert draft(0) == ledger.tasks.claim("w", task_id=1).task.draft
    assert [None] * 3 == [ledger.tasks.claim("v", task_id=number) for number in (1, 3, 4)]
    clock.advance(90)
    assert draft(2) == ledger.tasks.claim("v", task_id=3).task.draft


def test_what_is_due_is_told_in_the_order_of_claims(ledger: Ledger, clock: FakeClock) -> None:
    """Held, put-off and paused tasks are not due; nothing is claimed by looking."""
    ledger.tasks.add([draft(0), draft(1, priority=7), draft(2, priority=9), draft(3)])
    ledger.tasks.claim("w")
    ledger.tasks.finish(ledger.tasks.claim("w", task_id=4), Snooze(clock.now() + timedelta(seconds=90), "not listed"))

    assert [2, 1] == [task.id for task in ledger.tasks.due(limit=10)]
    assert [2] == [task.id for task in ledger.tasks.due(limit=1)]
    clock.advance(90)
    assert [2, 1, 4] == [task.id for task in ledger.tasks.due([draft(0).kind], limit=10)]


def test_fresh_data_goes_before_history(ledger: Ledger) -> None:
    """Higher priority comes first, and among equals what was added first."""
    ledger.tasks.add([draft(0), draft(1), draft(2, priority=7), draft(3, priority=7), draft(4, priority=-1)])

    claimed = [ledger.tasks.claim("w").task.draft for _ in range(5)]

    assert [draft(2, priority=7), draft(3, priority=7), draft(0), draft(1), draft(4, priority=-1)] == claimed


def test_a_task_waits_for_its_hour(ledger: Ledger, clock: FakeClock) -> None:
    """A failed or snoozed task is not claimed before its time, which `next_due` tells, and is claimed then."""
    ledger.tasks.add([draft(0), draft(1)])
    ledger.tasks.finish(ledger.tasks.claim("w"), Retry("cut", "the connection was cut", after=30))
    ledger.tasks.finish(ledger.tasks.claim("w"), Snooze(clock.now() + timedelta(seconds=90), "not listed"))

    assert clock.now() + timedelta(seconds=30) == ledger.tasks.next_due()
    clock.advance(29.9)
    assert ledger.tasks.claim("w") is None
    clock.advance(0.1)
    assert draft(0) == ledger.tasks.claim("w").task.draft
    assert ledger.tasks.claim("w") is None
    clock.advance(60)
    assert draft(1) == ledger.tasks.claim("w").task.draft
    assert ledger.tasks.next_due() is None


def test_a_worker_takes_only_what_it_can_do(ledger: Ledger) -> None:
    """A claim narrowed to kinds passes over the others, and so does `next_due`."""
    ledger.tasks.add([draft(0, priority=9)])

    assert ledger.tasks.claim("w", kinds=[TaskKind.FETCH]) is None
    assert ledger.tasks.next_due([TaskKind.FETCH]) is None
    assert ledger.tasks.next_due([TaskKind.LOAD, TaskKind.FETCH]) is not None
    assert ledger.tasks.claim("w", kinds=[TaskKind.LOAD, TaskKind.FETCH]) is not None


def test_the_steps_of_the_work_leave_their_times(ledger: Ledger, clock: FakeClock) -> None:
    """Each state's last entry is on record, in UTC."""
    ledger.tasks.add([draft(0)])
    steps = (TaskState.DOWNLOADING, TaskState.DOWNLOADED, TaskState.UPLOADING)
    lease = ledger.tasks.claim("w")
    for step in steps:
        clock.advance(1)
        ledger.tasks.advance(lease, step)

    task = ledger.tasks.get(lease.task.id)
    born = datetime(2024, 1, 2, tzinfo=UTC)
    seconds = {"pending": 0, "processing": 0, "downloading": 1, "downloaded": 2, "uploading": 3}
    assert {state: born + timedelta(seconds=second) for state, second in seconds.items()} == task.history
    assert TaskState.UPLOADING == task.state


def test_steps_that_follow_at_once_are_one_call(ledger: Ledger, clock: FakeClock) -> None:
    """Each state has its time, and the last one is the task's."""
    ledger.tasks.add([draft(0)])
    lease = ledger.tasks.claim("w")
    clock.advance(1)
    ledger.tasks.advance(lease, TaskState.DOWNLOADED, TaskState.UPLOADING)

    task = ledger.tasks.get(lease.task.id)
    assert TaskState.UPLOADING == task.state
    assert (clock.now(), clock.now()) == (task.history["downloaded"], task.history["uploading"])


@pytest.mark.parametrize("state", [TaskState.PENDING, TaskState.COMPLETED, TaskState.FAILED_UPLOAD])
def test_only_outcomes_end_the_work(ledger: Ledger, state: TaskState) -> None:
    """A worker cannot write itself into a state that an outcome decides."""
    ledger.tasks.add([draft(0)])

    with pytest.raises(ValueError, match=state.value):
        ledger.tasks.advance(ledger.tasks.claim("w"), state)


def test_a_dead_worker_is_followed_within_ninety_seconds(ledger: Ledger, clock: FakeClock) -> None:
    """A holder that falls silent right after renewing loses its task at the latest with the next rescue."""
    assert timedelta(seconds=90) >= LEASE + RENEW
    ledger.tasks.add([draft(0)])
    ledger.tasks.renew(ledger.tasks.claim("dead"))

    clock.advance(LEASE.total_seconds() - 0.001)
    assert 0 == ledger.tasks.rescue()
    clock.advance(RENEW.total_seconds())
    assert 1 == ledger.tasks.rescue()

    lease = ledger.tasks.claim("heir")
    assert ("heir", 1, 0) == (lease.task.worker_id, lease.task.crashes, lease.task.attempt)


def test_renewing_keeps_a_task(ledger: Ledger, clock: FakeClock) -> None:
    """A worker that renews in time keeps its task however long the work takes; a silent one beside it is found."""
    ledger.tasks.add(draft(number) for number in range(30))
    busy = [ledger.tasks.claim("busy") for _ in range(29)]
    silent = ledger.tasks.claim("silent")
    for _ in range(20):
        clock.advance(15)
        busy = [ledger.tasks.renew(lease) for lease in busy]
        ledger.tasks.rescue()

    assert [silent.task.id] == [ledger.tasks.claim("w").task.id]
    assert all(lease.expires_at == clock.now() + LEASE for lease in busy)


def test_who_comes_back_late_is_fenced_off(ledger: Ledger, clock: FakeClock) -> None:
    """After a takeover the first holder can do nothing to the task, and its coverage is not recorded."""
    ledger.tasks.add([draft(0)])
    late = ledger.tasks.claim("late")
    clock.advance(61)
    ledger.tasks.rescue()
    heir = ledger.tasks.claim("heir")
    attempts = [
        lambda: ledger.tasks.renew(late),
        lambda: ledger.tasks.advance(late, TaskState.UPLOADING),
        lambda: ledger.tasks.release(late),
        lambda: ledger.tasks.finish(late, Done((covers(0, 0),))),
    ]
    for attempt in attempts:
        with pytest.raises(LeaseLost, match="worker late"):
            attempt()

    assert {} == ledger.coverage.covered("lake", BARS)
    assert heir.task == ledger.tasks.get(heir.task.id)
    assert TaskState.COMPLETED == ledger.tasks.finish(heir, Done((covers(0, 0),)))


def test_a_rescued_task_is_lost_before_anybody_takes_it(ledger: Ledger, clock: FakeClock) -> None:
    """Once the rescue has given a task back, the former holder cannot finish it."""
    ledger.tasks.add([draft(0)])
    late = ledger.tasks.claim("late")
    clock.advance(61)
    ledger.tasks.rescue()

    with pytest.raises(LeaseLost):
        ledger.tasks.finish(late, Done(()))


def test_an_unnoticed_expiry_does_no_harm(ledger: Ledger, clock: FakeClock) -> None:
    """A lease that ran out while nobody took the task is still good: the work is not thrown away."""
    ledger.tasks.add([draft(0)])
    lease = ledger.tasks.claim("slow")
    clock.advance(600)

    assert TaskState.COMPLETED == ledger.tasks.finish(ledger.tasks.renew(lease), Done(()))


def test_a_lease_ends_with_the_task(ledger: Ledger) -> None:
    """A finished task cannot be finished twice by its holder, nor given back."""
    ledger.tasks.add([draft(0)])
    lease = ledger.tasks.claim("w")
    ledger.tasks.finish(lease, Done(()))

    with pytest.raises(LeaseLost):
        ledger.tasks.finish(lease, Done(()))
    with pytest.raises(LeaseLost):
        ledger.tasks.release(lease)


def test_a_late_lease_fits_no_other_task(ledger: Ledger, clock: FakeClock) -> None:
    """A deleted task's number never returns: an old lease cannot touch the task that was added after it."""
    ledger.tasks.add([draft(0)])
    late = ledger.tasks.claim("late")
    clock.advance(61)
    ledger.tasks.rescue()
    ledger.tasks.forget([late.task.id])
    ledger.tasks.add([draft(1)])
    ledger.tasks.claim("w")

    with pytest.raises(LeaseLost):
        ledger.tasks.finish(late, Done(()))


def test_a_graceful_stop_counts_nothing(ledger: Ledger, clock: FakeClock) -> None:
    """A released task is pending at once, with no attempt and no crash on its account."""
    ledger.tasks.add([draft(0)])
    lease = ledger.tasks.claim("w")
    ledger.tasks.advance(lease, TaskState.DOWNLOADING)
    ledger.tasks.release(lease)

    task = ledger.tasks.get(lease.task.id)
    assert (TaskState.PENDING, 0, 0) == (task.state, task.attempt, task.crashes)
    assert clock.now() == ledger.tasks.next_due()


def test_a_poisonous_task_is_given_up(ledger: Ledger, clock: FakeClock) -> None:
    """A task that five workers did not survive is a permanent failure that says so; other tasks go on."""
    ledger.tasks.add([draft(0)])
    for _ in range(CRASH_LIMIT):
        ledger.tasks.claim("victim")
        clock.advance(61)
        assert 1 == ledger.tasks.rescue()

    (task,) = ledger.tasks.find()
    assert (TaskState.PERMANENT_FAILURE, 5, "crashed") == (task.state, task.crashes, task.error_kind)
    assert "vanished 5 times" in task.error_message
    assert 0 == ledger.tasks.rescue()


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_claim_sorts_nothing(ledger: Ledger) -> None:
    """With a million tasks waiting, a claim reads the first entry of an index in order; it sorts and scans no rows."""
    steps: list[str] = []

    def explain(connection, _cursor, statement, parameters, *_) -> None:
        if statement.startswith("UPDATE tasks"):
            steps.extend(
                step[3] for step in connection.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            )

    sa.event.listen(ledger.database.engine, "before_cursor_execute", explain)
    ledger.tasks.claim("w")

    assert "SCAN tasks USING INDEX ix_tasks_claim" in " ".join(steps)
    assert not [step for step in steps if "TEMP B-TREE" in step]


def test_rows_held_back_are_not_in_the_claims_index(ledger: Ledger) -> None:
    """However many tasks are paused or wait for others, a claim does not walk over them: its index leaves them out."""
    with ledger.database.read() as connection:
        (index,) = [one for one in sa.inspect(connection).get_indexes("tasks") if one["name"] == "ix_tasks_claim"]

    assert "hold IS NULL" in str(index["dialect_options"][f"{ledger.database.dialect}_where"])
