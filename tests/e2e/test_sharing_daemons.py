"""Two daemons on one registry, as real processes, of which the leading one is killed at its work."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from homes import END, Home, held, truth
from postgres_server import create_database, postgresql

from forebay import Sandbox
from forebay.clock import SystemClock
from forebay.db.tables import schedule, symbol_registry, tasks
from forebay.ledger import Ledger
from forebay.ledger.schedule import ScheduleBook
from forebay.model.registry import IngestionStatus, IngestionStrategy, SymbolRegistry
from forebay.symbols.registry import Registry

START = datetime(2026, 3, 3, tzinfo=UTC).date()
KEPT = {"start": str(START), "timeframes": ["1d"]}
STALLED = {"kind": "connect_stall", "ticker": "MSFT", "path": "*/range/1/day/2026-03-03/*", "seconds": 60.0, "times": 1}
"""The first daemon waits here until it is killed; what else it can do it has done."""
_PATIENCE = 60.0


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """The address of a ledger that is not there yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/data/download_tracker.db"
        return
    with postgresql() as server:
        yield create_database(server, "sharing")


def test_the_leader_is_killed_and_the_other_completes_everything_once(url, tmp_path):
    """Its symbols and its lead run out; what it had done is not done again, and the lake holds the truth."""
    with (
        Sandbox(start=START, end=END, tickers=24, faults=[STALLED]) as vendor,
        Ledger.open(url, SystemClock()) as opened,
    ):
        registry, book = Registry(opened.database, SystemClock()), ScheduleBook(opened.database, SystemClock())
        names = sorted(set(truth(vendor, "stocks/bars_1d", START)["ticker"]))
        registry.add_many(SymbolRegistry(name, IngestionStrategy.FLATPACK_API, metadata=KEPT) for name in names)
        home = Home(tmp_path, vendor)
        with _daemon(home, url) as first:
            _wait(lambda: _only_stalled_left(opened) and book.look().leader)
            leader = book.look().leader
            with _daemon(home, url) as second:
                assert "started" in second.stderr.readline()
                first.kill()
                _run_out(opened)
                _wait(lambda: all(entry.last_backfill for entry in registry.list()))
                _wait(lambda: book.look().leader not in (None, leader))
                second.terminate()
                second.stderr.read()
                assert 0 == second.wait(30)

        assert {(IngestionStatus.IDLE, None)} == {(entry.status, entry.error_message) for entry in registry.list()}
        calls = Counter(one.path.split("/")[4] for one in vendor.requests if "/range/1/day/2026-03-03/" in one.path)
        assert dict.fromkeys(names, 1) == {**calls, "MSFT": 1}
        asked = ["ticker", "session_date", "close"]
        assert truth(vendor, "stocks/bars_1d", START).select(asked).equals(held(home, "stocks/bars_1d").select(asked))


def _daemon(home, url):
    return home.start("ingest", "--daemon", DATABASE_URL=url, LOG_LEVEL="ERROR")


def _only_stalled_left(opened):
    """Whether all tasks but one are over."""
    left = sa.select(sa.func.count()).where(tasks.c.status.not_in(["completed"]))
    with opened.database.read() as connection:
        return (1, True) == (connection.scalar(left), bool(connection.scalar(sa.select(sa.func.count(tasks.c.id))) > 1))


def _run_out(opened):
    """A minute goes by in which nobody renews anything."""
    past = datetime.now(UTC) - timedelta(seconds=1)
    with opened.database.write() as connection:
        connection.execute(sa.update(schedule).values(leads_until=past))
        for table in (symbol_registry, tasks):
            held_ones = sa.update(table).where(table.c.lease_expires_at.is_not(None))
            connection.execute(held_ones.values(lease_expires_at=past))


def _wait(reached):
    until = time.monotonic() + _PATIENCE
    while not reached():
        assert time.monotonic() < until, "it did not come to it in time"
        time.sleep(0.1)
