"""The registry run against the simulated vendor, as typed."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, date, datetime

import pytest
from homes import Home
from programs import need
from shell import Shell

from forebay import Sandbox
from forebay.clock import SystemClock
from forebay.ledger import Ledger
from forebay.model.registry import IngestionStatus, IngestionStrategy, SymbolRegistry
from forebay.symbols.registry import Registry
from forebay.testing import FakeClock

START = {"start": "2026-03-05", "timeframes": ["1d"]}


@pytest.fixture
def registry(shell, home):
    """The registry of the shell's home, beside the commands."""
    with Ledger.open(f"sqlite:///{home.folder}/data/download_tracker.db", SystemClock()) as ledger:
        yield Registry(ledger.database, shell.clock)


def keep(registry, *symbols, strategy="flatpack_api", **metadata):
    for symbol in symbols:
        registry.add(SymbolRegistry(symbol, IngestionStrategy(strategy), metadata={**START, **metadata}))


def test_one_run_brings_all_that_is_there_and_says_what_is_not(shell, registry):
    """A ticker that does not exist and one of another class fail for themselves; the others are completed."""
    keep(registry, "AAPL", "NOPE", strategy="flatpack_api")
    keep(registry, "MSFT", strategy="flatpack")
    keep(registry, "X:BTCUSD", asset_class="stocks")
    keep(registry, "TSLA")
    registry.set_enabled("TSLA", enabled=False)

    said = shell("ingest", "--json")

    assert 3 == said.code, said.all
    ran = {one["symbol"]: one for one in json.loads(said.out)}
    assert {"AAPL": 5, "MSFT": 5} == {name: one["records"] for name, one in ran.items() if not one["error"]}
    assert "the vendor knows no ticker NOPE" in ran["NOPE"]["error"]
    assert "no ticker of stocks" in ran["X:BTCUSD"]["error"]
    assert (IngestionStatus.ERROR, 1) == ((entry := registry.get("NOPE")).status, entry.failures)
    assert ran["NOPE"]["error"] == entry.error_message
    assert registry.get("AAPL").last_backfill is not None


def test_the_next_run_takes_those_that_are_due(shell, registry):
    """A failed symbol waits for its time; what is held is not fetched again."""
    keep(registry, "AAPL", "NOPE")
    shell("ingest")
    again = json.loads(shell("ingest", "--json").out)
    shell.clock.sleep(120)
    later = json.loads(shell("ingest", "--json").out)

    assert [("AAPL", 0)] == [(one["symbol"], one["records"]) for one in again]
    assert ["AAPL", "NOPE"] == sorted(one["symbol"] for one in later)
    assert 2 == registry.get("NOPE").failures


def test_a_dry_run_changes_nothing(shell, registry, home):
    """It names symbols, phases and tasks; no request is made and no symbol is touched."""
    keep(registry, "AAPL", strategy="flatpack_snapshot_stream")
    keep(registry, "MSFT", start="2099-01-04")
    before = registry.get("AAPL"), len(home.vendor.requests)
    said = shell("ingest", "--dry-run", "--json")

    plan = json.loads(said.out)
    assert {"AAPL": ["backfill", "snapshot", "stream"], "MSFT": ["backfill"]} == plan["symbols"]
    assert "MSFT: feed 'registry 2' starts on 2099-01-04" in said.err
    assert plan["tasks"] > 0
    assert before == (registry.get("AAPL"), len(home.vendor.requests))
    assert "AAPL" in shell("ingest", "--dry-run").out


def test_a_stream_waits_and_fails_nothing(shell, registry):
    """Its symbol is completed, and its metadata say that it waits for live data, beside what they said before."""
    keep(registry, "AAPL", strategy="stream")
    [ran] = json.loads(shell("ingest", "--json").out)

    waits = "waits for a process that streams it: forebay stream, or forebay ingest --daemon"
    assert ([f"stream: {waits}"], None) == (ran["notes"], ran["error"])
    entry = registry.get("AAPL")
    assert (IngestionStatus.IDLE, None) == (entry.status, entry.last_stream)
    assert {**START, "stream": waits} == entry.metadata


def test_the_log_answers_the_questions_that_are_asked_of_it(shell, registry, tmp_path):
    """Errors since an hour, and executions by symbol, by jq."""
    keep(registry, "AAPL", "NOPE")
    file = tmp_path / "logs" / "forebay.log"
    for _ in range(2):
        shell("ingest", LOG_FORMAT="json", LOG_FILE=str(file))

    since = datetime.now(UTC).replace(hour=0, minute=0, second=0).strftime("%Y-%m-%dT%H:%M:%SZ")
    errors = jq(file, f'select(.level == "ERROR" and .time > "{since}") | [.message, .symbol, .strategy, .phase]')
    counts = jq(file, 'select(.message == "symbol_execution_completed") | .symbol')
    [started, *_] = jq(file, 'select(.message == "symbol_execution_started")')

    assert [["symbol_execution_failed", "NOPE", "flatpack_api", "backfill"]] == errors
    assert ["AAPL", "AAPL"] == counts
    fields = {"time", "level", "message", "symbol", "strategy", "phase", "records", "kafka", "redis", "elapsed"}
    assert fields <= started.keys()


def jq(file, query):
    done = subprocess.run([need("jq"), "-c", query, file], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def noon(tmp_path, monkeypatch, capsys):
    """A shell, its registry and its vendor at noon of a Thursday in New York."""
    monkeypatch.chdir(tmp_path)
    clock = FakeClock(datetime(2026, 3, 5, 17, tzinfo=UTC))
    with Sandbox(start=date(2026, 2, 19), end=date(2026, 3, 6), tickers=12, clock=clock) as vendor:
        home = Home(tmp_path, vendor)
        shell = Shell(monkeypatch, capsys, home.env, clock)
        with Ledger.open(f"sqlite:///{tmp_path}/data/download_tracker.db", clock) as ledger:
            yield shell, Registry(ledger.database, clock), vendor


def test_snapshots_are_taken_together_and_judged_one_by_one(noon):
    """One call for three symbols; the one that the vendor does not know fails alone."""
    shell, registry, vendor = noon
    keep(registry, "AAPL", "AAp", "NOPE", strategy="snapshot_stream")
    begun = len(vendor.requests)
    ran = {one["symbol"]: one for one in json.loads(shell("ingest", "--json").out)}

    assert 1 == len(vendor.requests) - begun
    assert [(1, None)] * 2 == [(ran[name]["records"], ran[name]["error"]) for name in ("AAPL", "AAp")]
    assert ran["NOPE"]["error"].startswith("snapshot: ")
    assert [True, False] == [registry.get(name).last_snapshot is not None for name in ("AAPL", "NOPE")]


def test_one_snapshot_is_fetched_and_printed(shell):
    """`--test-snapshot` needs no registry, and ends."""
    said = shell("ingest", "--test-snapshot", "AAPL")
    assert said.code in (0, 3), said.all
    assert "AAPL: " in said.out


@pytest.mark.parametrize(
    ("flags", "says", "next_step"),
    [
        (("--test-snapshot", ""), "'' is no symbol", "as the vendor does"),
        (("--test-snapshot", "../x"), "'../x' is no symbol", "as the vendor does"),
        (("--daemon", "--tickers", "AAPL"), "the whole registry", "leave out --tickers"),
    ],
)
def test_an_order_that_makes_no_sense_runs_nothing(shell, registry, flags, says, next_step):
    """A variable that is empty in a script must not become a run of everything."""
    keep(registry, "AAPL")
    shell.refuses("ingest", *flags, says=says, next_step=next_step)
    assert None is registry.get("AAPL").last_backfill


def test_an_empty_registry_is_told_apart_from_one_that_is_not_due(shell, registry):
    """Whoever begins is told how to add a symbol."""
    assert "forebay registry add" in shell("ingest").err
    assert "forebay registry add" in shell("ingest", "--dry-run").err
    keep(registry, "AAPL")
    registry.set_status("AAPL", IngestionStatus.DISABLED)
    assert "no symbol is due" in shell("ingest").err


def test_a_symbol_that_is_not_there_is_refused(shell, registry):
    """Before anything is run."""
    shell.refuses("ingest", "--tickers", "NOPE", says="NOPE is not in the registry", next_step="registry add")
