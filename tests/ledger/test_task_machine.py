"""The ledger against a model of it: any order of adding, claiming, finishing, crashing and waiting."""

from __future__ import annotations

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from ledger_nouns import BARS, covers, draft, revision

from forebay.db.engine import connect
from forebay.db.migrate import upgrade
from forebay.errors import LeaseLost
from forebay.ledger import Ledger
from forebay.ledger.claim import CRASH_LIMIT
from forebay.model.task import Discard, Done, Lease, Outcome, Retry, Snooze, TaskState
from forebay.testing import FakeClock

NUMBERS = some.integers(0, 4)


class TaskMachine(RuleBasedStateMachine):
    """At most one good lease on a task; nothing completed is uncovered; no task disappears."""

    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        shutil.copy(EMPTY[0], self.folder / "ledger.db")
        self.clock = FakeClock()
        self.ledger = Ledger.open(f"sqlite:///{self.folder}/ledger.db", self.clock, rng=Random(0))
        self.good: dict[int, Lease] = {}
        self.lost: list[Lease] = []
        self.added: set[int] = set()
        self.covered: set[int] = set()

    def teardown(self) -> None:
        """Liveness: once nothing fails any more, every task ends within a day."""
        if not hasattr(self, "ledger"):
            return
        for _ in range(4):
            self.clock.advance(6 * 3600)
            self.ledger.tasks.rescue()
            while lease := self.ledger.tasks.claim("w"):
                self.ledger.tasks.finish(lease, Done(()))
        ended = self.ledger.tasks.counts()
        self.ledger.close()
        shutil.rmtree(self.folder)
        assert len(self.added) == ended[TaskState.COMPLETED] + ended[TaskState.PERMANENT_FAILURE]

    @rule(number=NUMBERS, etag=some.sampled_from("ab"), priority=some.integers(0, 1), again=some.booleans())
    def add(self, number: int, etag: str, priority: int, again: bool) -> None:
        count = self.ledger.tasks.add([draft(number, revision=revision(etag), priority=priority)], again=again)
        assert number in self.added or count == 1
        self.added.add(number)

    @rule()
    def claim(self) -> None:
        due = self.ledger.tasks.next_due()
        lease = self.ledger.tasks.claim("w")
        assert (lease is None) == (due is None or due > self.clock.now())
        if lease is not None:
            assert lease.task.id not in self.good, "held twice"
            self.good[lease.task.id] = lease

    @precondition(lambda self: self.good)
    @rule(data=some.data(), state=some.sampled_from([state for state in TaskState if state.held]))
    def advance(self, data: some.DataObject, state: TaskState) -> None:
        self.ledger.tasks.advance(self.pick(data), state)

    @precondition(lambda self: self.good)
    @rule(data=some.data())
    def renew(self, data: some.DataObject) -> None:
        lease = self.ledger.tasks.renew(self.pick(data))
        self.good[lease.task.id] = lease

    @precondition(lambda self: self.good)
    @rule(data=some.data())
    def release(self, data: some.DataObject) -> None:
        lease = self.pick(data)
        self.ledger.tasks.release(lease)
        self.lost.append(self.good.pop(lease.task.id))

    @precondition(lambda self: self.good)
    @rule(data=some.data(), end=some.sampled_from(["done", "retry", "upload", "429", "snooze", "discard"]))
    def finish(self, data: some.DataObject, end: str) -> None:
        lease = self.pick(data)
        number = (lease.task.draft.partition.day - draft(0).partition.day).days
        outcomes: dict[str, Outcome] = {
            "done": Done((covers(number, number),)),
            "retry": Retry("cut", "cut"),
            "upload": Retry("store", "full", upload=True),
            "429": Retry("rate", "429", counted=False),
            "snooze": Snooze(self.clock.now() + timedelta(hours=1), "late"),
            "discard": Discard("bad", "bad"),
        }
        state = self.ledger.tasks.finish(lease, outcomes[end])
        self.lost.append(self.good.pop(lease.task.id))
        assert not state.held
        if end == "done":
            self.covered.add(number)

    @rule(seconds=some.sampled_from([1, 14, 61, 3601]))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule()
    def rescue(self) -> None:
        gone = [lease for lease in self.good.values() if lease.expires_at <= self.clock.now()]
        assert len(gone) == self.ledger.tasks.rescue()
        for lease in gone:
            self.lost.append(self.good.pop(lease.task.id))

    @precondition(lambda self: self.lost)
    @rule(data=some.data())
    def come_back_late(self, data: some.DataObject) -> None:
        lease = data.draw(some.sampled_from(self.lost))
        with pytest.raises(LeaseLost):
            self.ledger.tasks.finish(lease, Done((covers(9, 9),)))

    def pick(self, data: some.DataObject) -> Lease:
        return self.good[data.draw(some.sampled_from(sorted(self.good)))]

    @invariant()
    def holders_and_rows_agree(self) -> None:
        if not hasattr(self, "ledger"):
            return
        tasks = self.ledger.tasks.find()
        assert len(self.added) == len(tasks)
        assert set(self.good) == {task.id for task in tasks if task.state.held}
        assert all(task.worker_id is not None for task in tasks if task.state.held or task.state is TaskState.COMPLETED)
        assert all(task.crashes <= CRASH_LIMIT for task in tasks)
        days = {day for interval in self.ledger.coverage.covered("lake", BARS).get("*", []) for day in [interval.start]}
        assert {draft(number).partition.day for number in self.covered} == days


EMPTY: list[Path] = []


@pytest.fixture(autouse=True, scope="module")
def _empty(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("machine") / "ledger.db"
    database = connect(f"sqlite:///{path}")
    upgrade(database)
    database.close()
    EMPTY[:] = [path]


TaskMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)
TestTasks = TaskMachine.TestCase
