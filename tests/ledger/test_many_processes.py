"""Real processes on one ledger: each task once, and none lost to a killed worker."""

from __future__ import annotations

import os
import signal
from collections import Counter
from datetime import UTC, datetime
from multiprocessing import get_context

from ledger_nouns import BARS, covers, draft

from forebay.ledger import Ledger
from forebay.model.intervals import union
from forebay.model.task import Done, TaskState
from forebay.testing import FakeClock

FORK = get_context("fork")
WORKERS = 8
STEPS = (TaskState.DOWNLOADED, TaskState.UPLOADING)


def test_eight_processes_claim_each_task_once(url: str, ledger: Ledger) -> None:
    """Eight processes take 2,000 tasks through every state: each is claimed once, by many hands, and all is covered.

    No step fails because the database is busy. A server without one lock for all shows as much with fewer.
    """
    total = 2000 if ledger.database.dialect == "sqlite" else 500
    ledger.tasks.add(draft(number) for number in range(total))
    start, answers = FORK.Barrier(WORKERS), FORK.Queue()
    children = [FORK.Process(target=_work_off, args=(url, f"w{number}", start, answers)) for number in range(WORKERS)]
    for child in children:
        child.start()
    shares = [answers.get(timeout=100) for _ in children]
    claimed = Counter(task for share in shares for task in share)
    for child in children:
        child.join(20)

    assert total == len(claimed)
    assert {1} == set(claimed.values())
    assert total / WORKERS / 10 < min(len(share) for share in shares)
    assert total == ledger.tasks.counts()[TaskState.COMPLETED]
    assert [covers(0, total - 1).partition.dates] == union(ledger.coverage.covered("lake", BARS)["*"])


def _work_off(url: str, worker_id: str, start, answers) -> None:
    claimed = []
    with Ledger.open(url, FakeClock(), timeout=30) as ledger:
        start.wait(30)
        while lease := ledger.tasks.claim(worker_id):
            claimed.append(lease.task.id)
            first = (lease.task.draft.partition.day - datetime(2024, 1, 1, tzinfo=UTC).date()).days
            ledger.tasks.advance(lease, TaskState.DOWNLOADING)
            ledger.tasks.advance(lease, *STEPS)
            ledger.tasks.finish(lease, Done((covers(first, first),)))
    answers.put(claimed)


def test_a_killed_workers_task_is_taken_over(url: str, ledger: Ledger, clock: FakeClock) -> None:
    """After SIGKILL the task goes to another worker once the lease has run out, with a crash on its account."""
    ledger.tasks.add([draft(0)])
    holds = FORK.Event()
    child = FORK.Process(target=_claim_and_hang, args=(url, holds))
    child.start()
    assert holds.wait(20)
    os.kill(child.pid, signal.SIGKILL)
    child.join(20)

    assert ledger.tasks.claim("heir") is None
    clock.advance(90)
    ledger.tasks.rescue()
    lease = ledger.tasks.claim("heir")
    assert (1, 0) == (lease.task.crashes, lease.task.attempt)
    assert TaskState.COMPLETED == ledger.tasks.finish(lease, Done((covers(0, 0),)))


def _claim_and_hang(url: str, holds) -> None:
    with Ledger.open(url, FakeClock()) as ledger:
        ledger.tasks.claim("victim")
        holds.set()
        signal.pause()


def test_a_kill_within_a_transaction_undoes_it(url: str, ledger: Ledger) -> None:
    """A process that is killed between coverage and commit leaves neither, and no lock behind."""
    ledger.tasks.add([draft(0)])
    written = FORK.Event()
    child = FORK.Process(target=_finish_and_hang, args=(url, written))
    child.start()
    assert written.wait(20)
    os.kill(child.pid, signal.SIGKILL)
    child.join(20)

    assert {} == ledger.coverage.covered("lake", BARS)
    assert 1 == ledger.tasks.add([draft(1)])


def _finish_and_hang(url: str, written) -> None:
    def rows():
        yield covers(0, 0)
        written.set()
        signal.pause()

    with Ledger.open(url, FakeClock()) as ledger:
        ledger.coverage.record(rows())
