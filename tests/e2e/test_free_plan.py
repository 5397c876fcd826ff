"""The free plan: five calls a minute, for everybody together."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from multiprocessing import get_context

from shared_clock import SharedClock

from forebay import Sandbox
from forebay.ledger import Ledger
from forebay.vendor.rest import RestClient

SPAWN = get_context("spawn")
CALLERS, MINUTES, LIMIT = 2, 40, 5
DAY = date(2026, 3, 4)
NOW = datetime(2026, 3, 13, 12, tzinfo=UTC)


def test_two_processes_share_the_free_plans_budget(tmp_path):
    """Two processes call for forty virtual minutes: not one 429, and 99 % of the five calls a minute are used."""
    clock, database, ready = SharedClock(SPAWN, CALLERS, NOW), f"sqlite:///{tmp_path}/ledger.db", SPAWN.Queue()
    callers = [SPAWN.Process(target=_call, args=(ready, database, clock, seat)) for seat in range(CALLERS)]
    for caller in callers:
        caller.start()
    with Sandbox(start=DAY, end=DAY, tickers=8, vendor_plan="basic", clock=clock) as vendor:
        for _ in callers:
            ready.put(vendor.env)
        for caller in callers:
            caller.join(100)

        statuses = [request.status for request in vendor.requests]

    assert [0] * CALLERS == [caller.exitcode for caller in callers]
    assert {200} == set(statuses)
    assert 0.99 * LIMIT * MINUTES <= len(statuses)


def _call(ready, database, clock, seat):
    """Ask as fast as the budget lets until the minutes are over."""
    env = ready.get(timeout=30)
    clock.sit(seat)
    over = clock.now() + timedelta(minutes=MINUTES)
    with (
        Ledger.open(database, clock, calls_per_minute=LIMIT) as ledger,
        RestClient(env["FOREBAY_REST_URL"], env["POLYGON_API_KEY"], ledger.budget, clock) as rest,
    ):
        while True:
            for page in rest.bars("AAPL", "1d", DAY, DAY):
                assert page.height == 1
            if clock.now() >= over:
                break
            clock.sleep(0.2)
    clock.leave()
