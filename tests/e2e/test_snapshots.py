"""Snapshots from the command line: looked at, taken for the registry, asked for in SQL."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest
from shell import Shell

from forebay import Sandbox
from forebay.testing import FakeClock

NOON = datetime(2025, 11, 20, 17, tzinfo=UTC)
"""In New York, on a Thursday."""


@pytest.fixture
def shell(tmp_path, monkeypatch, capsys):
    """A shell at noon, and a vendor whose market is open."""
    clock = FakeClock(NOON)
    with Sandbox(seed=3, tickers=12, start=date(2025, 11, 3), clock=clock) as vendor:
        monkeypatch.chdir(tmp_path)
        yield Shell(monkeypatch, capsys, {**vendor.env, "FOREBAY_HOME": "data"}, clock)


def test_a_snapshot_is_looked_at(shell):
    """Printed with its verdict, and nothing is kept; a ticker that is not there is exit code 3, a missing key 2."""
    said = shell("ingest", "--test-snapshot", "AAPL")
    assert (0, True) == (said.code, said.out.endswith("AAPL: good\n")), said.all
    told = json.loads(shell("ingest", "--test-snapshot", "X:BTCUSD", "--json").out)
    assert ("X:BTCUSD", "good", 0) == (told["ticker"], told["verdict"], told["snapshot"]["delay"])
    unknown = shell("ingest", "--test-snapshot", "aapl")
    assert (3, True) == (unknown.code, "capitals count" in unknown.out)
    shell.refuses("query", "select 1 from stocks.snapshots", code=1, says="lake", next_step="forebay")
    shell.refuses("ingest", "--test-snapshot", "I:SPX", says="no snapshots of indices", next_step="stocks, crypto")
    shell.refuses("ingest", "--test-snapshot", "AAPL", says="API", next_step="POLYGON_API_KEY", POLYGON_API_KEY="")


def test_the_registrys_snapshots_are_taken(shell):
    """Good ones are rows of the lake, an unknown ticker has its own error; a second run is a snapshot more at most."""
    for symbol in ("AAPL", "X:BTCUSD", "aapl"):
        assert 0 == shell("registry", "add", symbol, "--strategy", "snapshot").code
    said = shell("ingest")
    assert (3, True) == (said.code, "2 symbols completed, 1 failed, 2 rows" in said.out), said.all
    kept = "select ticker, verdict from stocks.snapshots union all select ticker, verdict from crypto.snapshots"
    expected = [{"ticker": "AAPL", "verdict": "good"}, {"ticker": "X:BTCUSD", "verdict": "good"}]
    assert expected == json.loads(shell("query", kept, "--json").out)
    entry = json.loads(shell("registry", "get", "aapl", "--json").out)
    assert ("error", True) == (entry["status"], "capitals count" in entry["error_message"])
    assert json.loads(shell("registry", "get", "AAPL", "--json").out)["last_snapshot"]
    shell.clock.advance(300)
    assert "2 symbols completed" in shell("ingest").out
    assert 4 == len(json.loads(shell("query", kept, "--json").out))
