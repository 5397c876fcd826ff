"""The daemon against the simulated vendor: its jobs by a clock that the test owns, its end by a signal."""

from __future__ import annotations

import signal
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import pytest
from homes import held

from forebay import Sandbox
from forebay.app import App
from forebay.app.daemon import first_run, open_scheduler
from forebay.app.ingest import open_ingest
from forebay.clock import SystemClock
from forebay.ledger import Ledger
from forebay.model.registry import IngestionStatus, IngestionStrategy, Phase, SymbolRegistry
from forebay.settings import load
from forebay.symbols.registry import Registry
from forebay.testing import FakeClock

KEPT = {"start": "2026-03-03", "timeframes": ["1d"]}


@pytest.fixture
def app(tmp_path):
    """An application and its vendor at noon of a Thursday in New York."""
    clock = FakeClock(datetime(2026, 3, 5, 17, 1, tzinfo=UTC))
    with Sandbox(start=date(2026, 2, 19), end=date(2026, 3, 6), tickers=12, clock=clock) as vendor:
        made = App(load(environ={**vendor.env, "FOREBAY_HOME": str(tmp_path)}), clock, "daemon-1")
        made.vendor = vendor
        yield made
        made.close()


def test_the_jobs_do_what_they_say_when_they_are_due(app):
    """Snapshots at five past, new history at the half hour, the search for gaps at midnight; none fails."""
    app.registry.add(SymbolRegistry("AAPL", IngestionStrategy.FLATPACK_SNAPSHOT_STREAM, metadata=KEPT))
    scheduler = open_scheduler(app, open_ingest(app))
    scheduler.register()
    seen = []
    for moment in (datetime(2026, 3, 5, 17, 5), datetime(2026, 3, 5, 17, 30), datetime(2026, 3, 6)):
        app.clock.advance((moment.replace(tzinfo=UTC) - app.clock.now()).total_seconds())
        scheduler.tick()  # snapshots and discovery are due in one second at 17:30: neither keeps the other from it
        entry = app.registry.get("AAPL")
        seen.append((entry.last_snapshot is not None, entry.last_backfill is not None))

    assert [(True, False), (True, True), (True, True)] == seen
    jobs = {job.name: (job.runs, job.error) for job in scheduler.book.look().jobs}
    assert {
        "gap_detection": (1, None),
        "snapshot_refresh": (2, None),
        "snapshot_refresh_crypto": (3, None),
        "snapshot_refresh_forex": (3, None),
        "stream_monitoring": (3, None),
        "flatfile_discovery": (2, None),
    } == jobs


def test_daemons_that_start_together_run_each_symbol_once(app):
    """The second one leaves to the first what that has just run, all phases of it."""
    app.registry.add(SymbolRegistry("AAPL", IngestionStrategy.FLATPACK, metadata=KEPT))
    first_run(app, open_ingest(app))()
    done = app.registry.get("AAPL").last_backfill
    app.clock.advance(60)
    first_run(app, open_ingest(app))()

    assert done == app.registry.get("AAPL").last_backfill is not None
    ran = list(open_ingest(app).run(phases=[Phase.BACKFILL]))
    assert [("AAPL", None)] == [(one.symbol, one.error) for one in ran]


def test_daemons_share_the_run_of_a_job(app):
    """One that does not lead runs what the leader has not come to, once; the leader then finds nothing left."""
    app.registry.add_many(SymbolRegistry(name, IngestionStrategy.FLATPACK, metadata=KEPT) for name in ("AAPL", "MSFT"))
    begun = []
    leader = open_scheduler(app, open_ingest(app))
    leader.start = lambda run: begun.append(run) or Future()
    leader.register()
    helper = open_scheduler(app, open_ingest(app))
    helper.daemon = "daemon-2"
    app.clock.advance(29 * 60)
    leader.tick()
    asked = len(app.vendor.requests)
    helper.tick()
    helped = {entry.symbol: entry.last_backfill for entry in app.registry.list()}
    answered = len(app.vendor.requests)
    app.clock.advance(5)
    helper.tick()
    for run in begun:
        run()

    assert asked < answered == len(app.vendor.requests)
    assert [app.clock.now() - timedelta(seconds=5)] * 2 == list(helped.values())
    assert helped == {entry.symbol: entry.last_backfill for entry in app.registry.list()}
    assert "daemon-1" == helper.book.look().leader


def test_a_class_is_refreshed_in_its_own_sessions(app):
    """At night pairs are, and stocks are not; each by itself."""
    crypto = SymbolRegistry("X:BTCUSD", IngestionStrategy.SNAPSHOT)
    app.registry.add_many([crypto, SymbolRegistry("AAPL", IngestionStrategy.SNAPSHOT)])
    scheduler = open_scheduler(app, open_ingest(app))
    scheduler.register()
    app.clock.advance(8 * 3600)
    scheduler.tick()

    taken = {entry.symbol: entry.last_snapshot is not None for entry in app.registry.list()}
    assert {"AAPL": False, "X:BTCUSD": True} == taken


def test_it_runs_the_registry_first_and_ends_when_it_is_told(home):
    """SIGTERM: it resigns, leaves no symbol held and ends well."""
    with _registry(home) as registry:
        registry.add(SymbolRegistry("AAPL", IngestionStrategy.FLATPACK_API, metadata=KEPT))
        daemon = _ingest(home, "--daemon")
        _await(daemon, "symbol_execution_completed")
        daemon.send_signal(signal.SIGTERM)
        said = daemon.stderr.read()

        assert (0, True) == (daemon.wait(30), said.rstrip().endswith("stopped")), said
        daemon.close()
        assert IngestionStatus.IDLE is registry.get("AAPL").status


def test_what_was_killed_is_run_again(home):
    """Killed between start and end, it leaves a lease; the next run waits for it to end, and then misses nothing."""
    symbols = ["AAPL", "MSFT"]
    with _registry(home) as registry:
        registry.add_many(SymbolRegistry(name, IngestionStrategy.FLATPACK_API, metadata=KEPT) for name in symbols)
        killed = _ingest(home)
        _await(killed, "symbol_execution_started")
        killed.kill()
        killed.wait(30)
        killed.close()

        with home.app() as app:
            ended = {one.symbol: one.error for one in open_ingest(app).run()}

        assert dict.fromkeys(symbols) == ended
        assert [IngestionStatus.IDLE] * 2 == [entry.status for entry in registry.list()]
        rows = held(home, "stocks/bars_1d")
        assert 14 == rows.height == rows.select("ticker", "session_date").unique().height


def _registry(home):
    return open_registry(f"sqlite:///{home.folder}/data/download_tracker.db")


@contextmanager
def open_registry(url):
    with Ledger.open(url, SystemClock()) as ledger:
        yield Registry(ledger.database, SystemClock())


def _ingest(home, *flags):
    """A process of its own."""
    return home.start("ingest", *flags)


def _await(process, word):
    """Read what it says until it says `word`."""
    for line in process.stderr:
        if word in line:
            return
    pytest.fail(f"it ended without a word of {word}")
