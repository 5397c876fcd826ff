from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from forebay.errors import UsageError
from forebay.ledger import Ledger
from forebay.ledger.filter import TaskFilter
from forebay.model.catalogue import BAR_DATASETS
from forebay.model.feed import Feed
from forebay.model.task import Done, Snooze, TaskKind, TaskState
from forebay.model.universe import Category
from forebay.orchestration.identifying import Identifying, stale
from forebay.orchestration.leases import HeldLeases
from forebay.orchestration.worker import Worker
from forebay.symbols.discovery import Discovery
from forebay.symbols.universes import Refresh
from forebay.testing import FakeClock

ETF, OTC = (Discovery(category, date(2024, 1, 2)) for category in (Category.ETF, Category.OTC))


class Meanwhile(FakeClock):
    """Whoever sleeps finds that something happened elsewhere."""

    happens: Callable[[], None] = staticmethod(lambda: None)

    def sleep(self, seconds: float) -> None:
        self.happens()
        super().sleep(seconds)


@pytest.fixture
def clock() -> Meanwhile:
    return Meanwhile()


@pytest.fixture
def ledger(tmp_path, clock: Meanwhile):
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", clock) as opened:
        yield opened


def worker(ledger: Ledger, clock: FakeClock, *outcomes) -> Worker:
    """One whose attempts end so, one after the other."""
    ends = iter(outcomes)
    handlers = {TaskKind.IDENTIFY: lambda *_: next(ends)}
    return Worker(ledger, handlers, clock, "here", 1, HeldLeases(ledger.tasks))


def test_what_is_queued_twice_is_one_task(ledger: Ledger, clock: Meanwhile) -> None:
    """It starts over when it is over, also when a person had cancelled it."""
    identifying = Identifying(ledger, clock)
    first = identifying.queue([ETF, OTC, ETF])
    assert ["reference/etf/2024-01-02", "reference/otc/2024-01-02"] == [task.draft.key for task in first]
    ledger.tasks.cancel(TaskFilter(), "not now")
    again = identifying.queue([ETF])
    assert (first[0].id, TaskState.PENDING) == (again[0].id, again[0].state)


def test_only_what_was_asked_for_is_run(ledger: Ledger, clock: Meanwhile) -> None:
    """Other discoveries in the queue wait for the workers."""
    identifying = Identifying(ledger, clock)
    identifying.queue([OTC])
    ended = identifying.run(identifying.queue([ETF]), worker(ledger, clock, Done(())))
    assert [("reference/etf/2024-01-02", TaskState.COMPLETED)] == [(task.draft.key, task.state) for task in ended]
    assert 1 == ledger.tasks.counts()[TaskState.PENDING]


def test_another_worker_is_waited_for(ledger: Ledger, clock: Meanwhile) -> None:
    """Somebody else took the task first: its end is ours."""
    identifying = Identifying(ledger, clock)
    tasks = identifying.queue([ETF])
    lease = ledger.tasks.claim("elsewhere")
    assert lease is not None
    clock.happens = lambda: ledger.tasks.finish(lease, Done(()))
    assert [TaskState.COMPLETED] == [task.state for task in identifying.run(tasks, worker(ledger, clock))]


def test_nobody_waits_for_ever(ledger: Ledger, clock: Meanwhile) -> None:
    """A paused task, one that is put off for long, and one that somebody sits on are returned as they are."""
    identifying = Identifying(ledger, clock, patience=timedelta(seconds=9))
    paused = identifying.queue([ETF])
    ledger.tasks.pause(TaskFilter())
    assert ["paused"] == [task.hold for task in identifying.run(paused, worker(ledger, clock))]
    later = Snooze(clock.now() + timedelta(hours=2), "come back later")
    put_off = identifying.run(identifying.queue([OTC]), worker(ledger, clock, later))
    assert [TaskState.PENDING] == [task.state for task in put_off]
    ledger.tasks.resume(TaskFilter())
    began = clock.now()
    assert ledger.tasks.claim("elsewhere") is not None
    assert [TaskState.PROCESSING] == [task.state for task in identifying.run(paused, worker(ledger, clock))]
    assert clock.now() - began <= timedelta(seconds=10)


def test_what_feeds_follow_is_due_after_a_day() -> None:
    """A category that was never discovered is due too; each comes once, and other categories are left alone."""
    now = FakeClock().now()
    bars = (BAR_DATASETS["stocks/bars_1d"],)
    feeds = [Feed(str(number), bars, category=Category.ETF) for number in range(2)] + [Feed("all", bars)]
    fresh, old = (
        {Category.ETF: Refresh(now.date(), 9, now - timedelta(hours=hours)), Category.OTC: Refresh(now.date(), 9, now)}
        for hours in (23, 25)
    )
    assert [[], [Category.ETF], [Category.ETF]] == [
        [discovery.category for discovery in stale(feeds, refreshes, now)] for refreshes in (fresh, old, {})
    ]


def test_a_category_needs_a_whole_list() -> None:
    """Without one, a feed that follows it cannot be spelled out."""
    from forebay.orchestration.wanted import Reach, spell_out

    feed = Feed("funds", (BAR_DATASETS["stocks/bars_1d"],), category=Category.ETF, start=date(2023, 12, 1))
    now = FakeClock().now()
    with pytest.raises(UsageError, match="nobody is known of etf"):
        spell_out([feed], now, lambda _, dataset: Reach(dataset.first_date))
    wishes = spell_out([feed], now, lambda _, dataset: Reach(dataset.first_date), lambda _: ("QQQ", "SPY"))
    assert [("QQQ", "SPY")] == [wish.symbols for wish in wishes]
