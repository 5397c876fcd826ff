"""Who runs which symbol: leases, retries and stale locks, on both databases."""

from __future__ import annotations

import os
import signal
from datetime import datetime, timedelta
from multiprocessing import get_context

import pytest

from forebay.db.engine import connect
from forebay.model.registry import IngestionStatus, IngestionStrategy, Phase, SymbolRegistry
from forebay.symbols.registry import Registry
from forebay.symbols.registry_leases import FIRST_WAIT, LEASE, LONGEST_WAIT
from forebay.testing import FakeClock

FORK = get_context("fork")
SECOND = timedelta(seconds=1)


@pytest.fixture
def three(registry: Registry) -> Registry:
    """A registry of A, B and C."""
    registry.add_many([SymbolRegistry(symbol) for symbol in "CBA"])
    return registry


def taken(claims) -> list[str]:
    return [claimed.symbol for claimed in claims]


def test_a_claimed_symbol_is_running_and_not_claimed_again(three: Registry, clock) -> None:
    """Each goes to one worker, up to the limit; what is disabled goes to nobody."""
    three.set_enabled("C", enabled=False)

    first = three.claim("w1", 1)
    second = three.claim("w2", 5)

    assert (["A"], ["B"], []) == (taken(first), taken(second), three.claim("w3", 5))
    assert clock.now() + LEASE == first[0].expires_at
    assert three.get("A").status is IngestionStatus.RUNNING


def test_only_named_symbols_are_claimed(three: Registry) -> None:
    """Names that nobody knows are no harm."""
    assert ["B"] == taken(three.claim("w", 5, symbols=["B", "Z", "b"]))
    assert [] == three.claim("w", 5, symbols=[])


def test_a_run_that_ends_well_is_recorded_as_a_whole(three: Registry, clock) -> None:
    """Idle, with the times of the phases done; the times of others stay, and what failed before is forgotten."""
    three.set_status("A", IngestionStatus.ERROR, "the last run failed")
    (claimed,) = three.claim("w", 1, symbols=["A"])
    done = clock.now() + SECOND

    assert three.finish(claimed, {Phase.BACKFILL: done, Phase.SNAPSHOT: done}, None)

    entry = three.get("A")
    assert (IngestionStatus.IDLE, None, 0, None) == (entry.status, entry.error_message, entry.failures, entry.retry_at)
    assert (done, done, None) == (entry.last_backfill, entry.last_snapshot, entry.last_stream)


def test_what_failed_is_tried_again_later_and_later(three: Registry, clock) -> None:
    """Not before `retry_at`, which is twice as far off after each failure, to a bound; the phases done are kept."""
    waits = []
    for failures in range(1, 13):
        (claimed,) = three.claim("w", 1, symbols=["A"])
        assert three.finish(claimed, {Phase.BACKFILL: clock.now()}, f"failed {failures}")
        entry = three.get("A")
        waits.append(entry.retry_at - clock.now())
        assert (failures, f"failed {failures}") == (entry.failures, entry.error_message)
        assert (IngestionStatus.ERROR, clock.now()) == (entry.status, entry.last_backfill)
        clock.sleep(waits[-1].total_seconds() - 1)
        assert [] == three.claim("w", 1, symbols=["A"])
        clock.sleep(1)

    for failures, wait in enumerate(waits):
        longest = min(FIRST_WAIT * 2**failures, LONGEST_WAIT)
        assert longest / 2 <= wait <= longest


def test_a_person_need_not_wait_for_the_retry(three: Registry) -> None:
    """`due_only=False` takes what failed a moment ago, but nothing that is running or disabled."""
    (claimed,) = three.claim("w", 1)
    three.finish(claimed, {}, "no answer")
    three.set_enabled("B", enabled=False)
    three.claim("w", 1, symbols=["C"])

    assert ["A"] == taken(three.claim("w", 5, due_only=False))


def test_workers_with_one_instant_run_each_symbol_once(three: Registry, clock) -> None:
    """What was run since then is not due; those whose last run is longest ago come first."""
    for symbol in "BA":
        (claimed,) = three.claim("w", 1, symbols=[symbol])
        three.finish(claimed, {}, None)
        clock.sleep(1)
    begun = clock.now()

    order = []
    while claims := three.claim("w", 1, not_since=begun):
        order += taken(claims)
        three.finish(claims[0], {}, None)

    assert ["C", "B", "A"] == order


def test_a_lost_lease_ends_nothing(three: Registry, clock) -> None:
    """Whoever was too slow changes nothing any more; who holds the symbol now does."""
    (slow,) = three.claim("slow", 1, symbols=["A"])
    clock.sleep(LEASE.total_seconds())
    (quick,) = three.claim("quick", 1, symbols=["A"])
    three.renew([slow])

    assert not three.finish(slow, {Phase.BACKFILL: clock.now()}, "too late")
    assert three.get("A").last_backfill is None
    assert three.finish(quick, {Phase.BACKFILL: clock.now()}, None)
    assert not three.finish(quick, {}, "twice")
    assert three.get("A").status is IngestionStatus.IDLE


def test_a_renewed_lease_lasts(three: Registry, clock) -> None:
    """A worker that renews keeps its symbols for as long as it likes."""
    claims = three.claim("w", 3)
    for _ in range(4):
        clock.sleep(LEASE.total_seconds() - 1)
        three.renew(claims)

    assert [] == three.clear_stale()
    assert [] == three.claim("other", 3)
    assert all(three.finish(claimed, {}, None) for claimed in claims)


@pytest.mark.parametrize("status", [IngestionStatus.IDLE, IngestionStatus.DISABLED, IngestionStatus.RUNNING])
def test_a_status_by_hand_takes_the_symbol_away(three: Registry, status) -> None:
    """A worker that runs it finds that out at the end, and changes nothing."""
    (claimed,) = three.claim("w", 1)
    said = three.set_status("A", status)

    assert not three.finish(claimed, {}, "late")
    assert said == three.get("A")


def test_stale_locks_clear(three: Registry, clock) -> None:
    """Who is running without a valid lease becomes what it was before, and its run counts as none."""
    begun = clock.now()
    (failed,) = three.claim("w", 1, symbols=["A"])
    three.finish(failed, {}, "no answer")
    three.claim("dies", 2, symbols=["A", "B"], due_only=False)
    three.set_status("C", IngestionStatus.RUNNING)  # a program that knows no leases

    assert [] == three.clear_stale()
    clock.sleep(LEASE.total_seconds())
    assert ["A", "B", "C"] == three.clear_stale()

    statuses = [(entry.status, entry.error_message) for entry in three.list()]
    idle = (IngestionStatus.IDLE, None)
    assert [(IngestionStatus.ERROR, "no answer"), idle, idle] == statuses
    assert ["A", "B", "C"] == sorted(taken(three.claim("next", 5, not_since=begun)))


def test_a_strategy_that_changes_in_a_run_stays_changed(three: Registry) -> None:
    """The end of a run touches nothing but the run."""
    (claimed,) = three.claim("w", 1)
    three.set_strategy("A", IngestionStrategy.STREAM)
    three.describe("A", "new")

    assert three.finish(claimed, {}, None)
    assert (IngestionStrategy.STREAM, "new") == (three.get("A").strategy, three.get("A").description)


def test_a_killed_worker_holds_its_symbols_for_a_lease_and_no_longer(three: Registry, clock, url: str) -> None:
    """What it had claimed is nobody else's until its lease is over, and whole then."""
    child = FORK.Process(target=_claim_and_die, args=(url, clock.now()))
    child.start()
    child.join(30)

    assert -signal.SIGKILL == child.exitcode
    assert ["C"] == taken(three.claim("w", 5))
    clock.sleep(LEASE.total_seconds())
    assert ["A", "B"] == taken(three.claim("w", 5, symbols=["A", "B"]))


def _claim_and_die(url: str, now: datetime) -> None:
    registry = Registry(connect(url), FakeClock(now))
    registry.claim("dies", 2)
    os.kill(os.getpid(), signal.SIGKILL)


def test_many_processes_share_the_symbols(registry: Registry, database, url: str) -> None:
    """Four workers that claim at once run every symbol once, between them."""
    registry.add_many([SymbolRegistry(f"S{number:03}") for number in range(120)])
    start, done = FORK.Barrier(4), FORK.Queue()
    workers = [FORK.Process(target=_work, args=(url, f"w{number}", start, done)) for number in range(4)]
    for worker in workers:
        worker.start()
    found = sorted(symbol for _ in workers for symbol in done.get(timeout=60))
    for worker in workers:
        worker.join(30)

    assert [f"S{number:03}" for number in range(120)] == found
    assert {IngestionStatus.IDLE} == {entry.status for entry in registry.list()}


def _work(url: str, name: str, start, done) -> None:
    database, clock = connect(url), FakeClock()
    registry = Registry(database, clock)
    ran = []
    start.wait(30)
    while claims := registry.claim(name, 7, not_since=clock.now()):
        ran += [claimed.symbol for claimed in claims if registry.finish(claimed, {}, None)]
    done.put(ran)
    database.close()
