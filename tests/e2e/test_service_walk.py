"""What a user of the system before Forebay does in a day: by command, from Python and over HTTP, on both databases."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import UTC, date, datetime

import pytest
from homes import Home
from postgres_server import create_database, postgresql
from programs import need
from shell import Shell
from starlette.testclient import TestClient

import forebay
from forebay import Sandbox
from forebay.registry import IngestionStatus, IngestionStrategy, RegistryManager, SymbolRegistry
from forebay.service.factory import create_app
from forebay.settings import load
from forebay.testing import FakeClock

NOON = datetime(2026, 3, 5, 17, tzinfo=UTC)
"""Of a Thursday in New York."""
ADDED = {"symbol": "TSLA", "strategy": "flatpack_snapshot_stream", "enabled": True, "description": "Tesla Inc."}


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """The address of a ledger that is not there yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/data/ledger.db"
        return
    with postgresql() as server:
        yield create_database(server, "walk")


@pytest.fixture
def home(url, tmp_path, monkeypatch):
    """A working folder at that noon; its settings are those of this process, too."""
    monkeypatch.chdir(tmp_path)
    with Sandbox(start=date(2026, 3, 2), end=date(2026, 3, 6), tickers=8, clock=FakeClock(NOON)) as vendor:
        made = Home(tmp_path, vendor)
        more = {"DATABASE_URL": url, "LOG_FORMAT": "json", "LOG_FILE": str(tmp_path / "logs" / "forebay.log")}
        for name, value in {**made.env, **more}.items():
            monkeypatch.setenv(name, value)
        made.more, made.begun = more, datetime.now(UTC)
        yield made


def test_the_service_does_what_the_one_before_did(home, monkeypatch, capsys):
    """Each step with what a user sees of it; the errors are in the log and in the registry."""
    shell = Shell(monkeypatch, capsys, {**home.env, **home.more}, FakeClock(NOON))
    assert 0 == shell("init").code
    _keep_symbols()
    _run_once(shell)
    _ask_the_log(home)
    _over_http(home)
    _stay(home)
    assert [] == forebay.run_backfill("AAPL", datetime(2026, 3, 3, tzinfo=UTC), datetime(2026, 3, 4, 12, tzinfo=UTC))


def _keep_symbols():
    with RegistryManager() as manager:
        manager.add_symbol(
            SymbolRegistry(
                symbol="AAPL",
                strategy=IngestionStrategy.FLATPACK_SNAPSHOT_STREAM,
                enabled=True,
                description="Apple Inc.",
            )
        )
        for symbol, strategy in {
            "MSFT": "SNAPSHOT",
            "SPY": "FLATPACK_API",
            "NOPE": "SNAPSHOT",
            "AAP": "STREAM",
        }.items():
            manager.add_symbol(SymbolRegistry(symbol, IngestionStrategy[strategy], metadata={"timeframes": ["1d"]}))
        manager.update_status("AAP", IngestionStatus.DISABLED)
        manager.update_status("MSFT", IngestionStatus.ERROR, error_message="Rate limit exceeded")
        listed = [(one.symbol, one.strategy.value, one.status.value) for one in manager.list_symbols(enabled_only=True)]
    assert [
        ("AAPL", "flatpack_snapshot_stream", "idle"),
        ("MSFT", "snapshot", "error"),
        ("NOPE", "snapshot", "idle"),
        ("SPY", "flatpack_api", "idle"),
    ] == listed


def _run_once(shell):
    tested = shell("ingest", "--test-snapshot", "AAPL")
    assert (0, True) == (tested.code, "AAPL: good" in tested.out), tested.all
    dry = shell("ingest", "--dry-run", "--log-level", "DEBUG")
    assert (0, True) == (dry.code, "flatpack_snapshot_stream" in dry.out), dry.all
    with RegistryManager() as manager:
        assert manager.get_symbol("AAPL").last_snapshot is None

    ran = shell("ingest", "--json")
    assert 3 == ran.code, ran.all
    ended = {one["symbol"]: one["error"] for one in json.loads(ran.out)}
    assert {"AAPL": None, "MSFT": None, "SPY": None} == {name: why for name, why in ended.items() if name != "NOPE"}
    with RegistryManager() as manager:
        found = manager.get_symbol("AAPL")
        assert (IngestionStatus.IDLE, True, True) == (
            found.status,
            bool(found.last_backfill),
            bool(found.last_snapshot),
        )
        failed = manager.get_symbol("NOPE")
        assert (IngestionStatus.ERROR, ended["NOPE"], 1) == (failed.status, failed.error_message, failed.failures)


def _ask_the_log(home):
    """By the two questions that were asked of the log before, and by the fields of an error."""
    file, jq = home.more["LOG_FILE"], need("jq")
    since = home.begun.strftime("%Y-%m-%dT%H:%M:%SZ")
    errors = _said(f'cat {file} | {jq} -c \'select(.level == "ERROR" and .time > "{since}")\'')
    counted = _said(
        f"cat {file} | {jq} 'select(.message == \"symbol_execution_completed\")' | {jq} -r '.symbol' | sort | uniq -c"
    )
    error = json.loads(errors)
    told = {name: error[name] for name in ("level", "message", "symbol", "strategy", "phase")}
    expected = {"level": "ERROR", "message": "symbol_execution_failed", "symbol": "NOPE", "strategy": "snapshot"}
    assert {**expected, "phase": "snapshot"} == told
    assert "no snapshot of it" in error["error"]
    assert error["elapsed"] >= 0
    assert ["1 AAPL", "1 MSFT", "1 SPY"] == [line.strip() for line in counted.splitlines()]


def _said(command):
    return subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True).stdout


def _over_http(home):
    with TestClient(create_app(load()), "http://127.0.0.1:8000", client=("127.0.0.1", 40000)) as client:
        assert 200 == client.get("/health").status_code
        added = client.post("/api/v1/symbols", json=ADDED)
        assert (201, ADDED) == (added.status_code, {name: added.json()[name] for name in ADDED})
        listed = client.get("/api/v1/symbols").json()
        assert ["AAP", "AAPL", "MSFT", "NOPE", "SPY", "TSLA"] == [one["symbol"] for one in _rows(listed)]
        changed = client.put("/api/v1/symbols/TSLA/status", json={"status": "disabled"})
        assert (200, "disabled") == (changed.status_code, changed.json()["status"])
        ordered = client.post("/api/v1/registry/execute")
        assert 202 == ordered.status_code
        assert 200 == client.post("/api/v1/scheduler/start").status_code
        assert client.get("/api/v1/scheduler/status").json()["enabled"]
        assert 200 == client.post("/api/v1/scheduler/stop").status_code
        assert not client.get("/api/v1/scheduler/status").json()["enabled"]
        assert client.delete("/api/v1/symbols/TSLA").status_code in (200, 204)
        assert 404 == client.get("/api/v1/symbols/TSLA").status_code


def _rows(listed):
    return listed if isinstance(listed, list) else listed["symbols"]


def _stay(home):
    """A daemon that is stopped; the switch is off, so that it does nothing but its first run."""
    command = [sys.executable, "-m", "forebay", "ingest", "--daemon"]
    with subprocess.Popen(command, cwd=home.folder, env={**home.env, **home.more}, stderr=subprocess.PIPE) as daemon:
        assert b"started" in daemon.stderr.readline()
        daemon.send_signal(signal.SIGTERM)
        said = daemon.stderr.read()
    assert 0 == daemon.returncode, said
    assert b"stopped" in said
