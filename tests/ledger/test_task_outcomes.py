"""How attempts end, and what is counted."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as some
from ledger_nouns import BARS, covers, draft

from forebay.ledger import Ledger
from forebay.ledger.finish import RetryPolicy
from forebay.model.coverage import Verdict
from forebay.model.task import Discard, Done, Outcome, Retry, Snooze, Task, TaskState
from forebay.testing import FakeClock

CUT = Retry("vendor_unavailable", "the connection was cut")


def attempt(ledger: Ledger, clock: FakeClock, outcome: Outcome) -> Task:
    """Wait until the only task is due, run it to `outcome`, look at it."""
    clock.advance(max(0.0, (ledger.tasks.next_due() - clock.now()).total_seconds()))
    lease = ledger.tasks.claim("w")
    state = ledger.tasks.finish(lease, outcome)
    task = ledger.tasks.get(lease.task.id)
    assert state == task.state
    return task


def test_done_records_its_coverage(ledger: Ledger, clock: FakeClock) -> None:
    """A completed task is not claimable, clean of errors, says who did it, and what it brought is covered."""
    ledger.tasks.add([draft(0)])
    attempt(ledger, clock, CUT)

    task = attempt(ledger, clock, Done((covers(0, 0),)))

    assert (TaskState.COMPLETED, "w", None, None) == (
        task.state,
        task.worker_id,
        task.error_kind,
        task.error_message,
    )
    assert ledger.tasks.next_due() is None
    assert [covers(0, 0)] == ledger.coverage.find("lake")


def test_two_further_attempts_in_each_phase(ledger: Ledger, clock: FakeClock) -> None:
    """Download and upload have two further attempts each; a phase's next failure ends the task, with its reason."""
    ledger.tasks.add([draft(0)])
    upload = Retry("store", "no room", upload=True)

    states = [attempt(ledger, clock, outcome).state for outcome in (CUT, upload, CUT, upload)]
    last = attempt(ledger, clock, upload)

    download, up = TaskState.FAILED_DOWNLOAD, TaskState.FAILED_UPLOAD
    assert [download, up, download, up] == states
    assert (TaskState.PERMANENT_FAILURE, 4) == (last.state, last.attempt)
    assert ("store", "no room") == (last.error_kind, last.error_message)
    assert ledger.tasks.next_due() is None


def test_retries_are_a_setting(url: str, clock: FakeClock) -> None:
    """`max_retries` 0 gives up at once."""
    with Ledger.open(url, clock, max_retries=0) as ledger:
        ledger.tasks.add([draft(0)])

        assert TaskState.PERMANENT_FAILURE == attempt(ledger, clock, CUT).state


def test_a_wait_that_was_asked_for_is_kept(ledger: Ledger, clock: FakeClock) -> None:
    """`after` is when the task is due again, whatever the backoff says; a day is the most."""
    ledger.tasks.add([draft(0)])

    first = attempt(ledger, clock, Retry("rate", "later", after=7.5))
    assert clock.now() + timedelta(seconds=7.5) == first.available_at
    second = attempt(ledger, clock, Retry("rate", "later", after=1e9))
    assert clock.now() + timedelta(days=1) == second.available_at


def test_a_429_counts_no_attempt(ledger: Ledger, clock: FakeClock) -> None:
    """However many 429s come, for an hour, the task keeps its attempts; and the wait is the vendor's."""
    ledger.tasks.add([draft(0)])
    throttled = Retry("rate_limited", "429", after=60, counted=False)

    tasks = [attempt(ledger, clock, throttled) for _ in range(60)]
    cut = attempt(ledger, clock, CUT)

    assert {(TaskState.FAILED_DOWNLOAD, 0)} == {(task.state, task.attempt) for task in tasks}
    assert (TaskState.FAILED_DOWNLOAD, 1) == (cut.state, cut.attempt)


def test_429_without_end_ends(ledger: Ledger, clock: FakeClock) -> None:
    """After six hours of nothing but 429 they count; the task does not wait for ever."""
    ledger.tasks.add([draft(0)])
    throttled = Retry("rate_limited", "429", after=3600, counted=False)

    states = [attempt(ledger, clock, throttled).state for _ in range(8)]
    last = attempt(ledger, clock, throttled)

    assert [TaskState.FAILED_DOWNLOAD] * 8 == states
    assert (TaskState.PERMANENT_FAILURE, "rate_limited") == (last.state, last.error_kind)


def test_anything_else_ends_a_row_of_429(ledger: Ledger, clock: FakeClock) -> None:
    """The six hours begin anew after any other end of an attempt."""
    ledger.tasks.add([draft(0)])
    throttled = Retry("rate_limited", "429", after=3 * 3600, counted=False)
    snooze = Snooze(clock.now(), "not listed")

    for outcome in (throttled, throttled, snooze, throttled, throttled):
        task = attempt(ledger, clock, outcome)

    assert (TaskState.FAILED_DOWNLOAD, 0) == (task.state, task.attempt)


def test_a_snooze_counts_nothing(ledger: Ledger, clock: FakeClock) -> None:
    """A file that is not published yet is pending until then, as often as it takes."""
    ledger.tasks.add([draft(0)])
    attempt(ledger, clock, CUT)
    for _ in range(20):
        until = clock.now() + timedelta(hours=1)
        task = attempt(ledger, clock, Snooze(until, "not listed yet"))

        assert (TaskState.PENDING, 1, until) == (task.state, task.attempt, task.available_at)
    assert ("not_published", "not listed yet") == (task.error_kind, task.error_message)


def test_a_discard_says_why_and_what_is_known(ledger: Ledger, clock: FakeClock) -> None:
    """A given-up task keeps its reason, and its coverage does not hide what was held before from another source."""
    ledger.coverage.record([covers(0, 0, source=draft(0).source.REST, symbol="A")])
    ledger.tasks.add([draft(0)])

    task = attempt(ledger, clock, Discard("check_failed", "line 7: high < low", (covers(0, 0, Verdict.SUSPECT),)))

    assert (TaskState.PERMANENT_FAILURE, "check_failed", "line 7: high < low") == (
        task.state,
        task.error_kind,
        task.error_message,
    )
    assert [Verdict.SUSPECT, Verdict.COMPLETE] == [row.verdict for row in ledger.coverage.find("lake", BARS)]


def test_a_failed_finish_changes_nothing(ledger: Ledger, clock: FakeClock) -> None:
    """When the coverage cannot be written, the task is not completed either: it is one transaction."""
    ledger.tasks.add([draft(0)])
    lease = ledger.tasks.claim("w")
    naive = covers(0, 0, expires_at=clock.now().replace(tzinfo=None))

    with pytest.raises(Exception, match="no time zone"):
        ledger.tasks.finish(lease, Done((naive,)))

    assert TaskState.PROCESSING == ledger.tasks.get(lease.task.id).state
    assert TaskState.COMPLETED == ledger.tasks.finish(lease, Done((covers(0, 0),)))


@given(attempt=some.integers(0, 5000), seed=some.integers())
def test_the_backoff_grows_to_a_limit(attempt: int, seed: int) -> None:
    """Each wait is between half of and the whole doubled wait, and never longer than the longest."""
    policy = RetryPolicy()
    whole = min(policy.first_wait * 2.0 ** min(attempt, 20), policy.longest_wait)

    wait = policy.wait(attempt, Random(seed))

    assert whole / 2 <= wait <= whole
