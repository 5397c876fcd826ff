"""What docs/operations.md says to do when something is lost: each of its steps, done."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from homes import Home
from shell import Shell

from forebay import Sandbox

HELD = ("--datasets", "stocks/bars_1d", "--start", "2026-03-02", "--end", "2026-03-04", "--no-actions")
MORE = ("--datasets", "stocks/bars_1d", "--start", "2026-03-05", "--end", "2026-03-05", "--no-actions")
THREE_DAYS = ["2026-03-02.csv.gz", "2026-03-03.csv.gz", "2026-03-04.csv.gz"]
DAY_BARS = ("--timeframes", "1d", "--start", "2026-03-02", "--end", "2026-03-04")
ASKS_THE_LEDGER = [
    ("plan",),
    ("sync",),
    ("status",),
    ("status", "AAPL", "--interval", "1d"),
    ("run-once", "AAPL", *DAY_BARS),
    ("enqueue", "one.json", *DAY_BARS),
    ("enqueue-batch", "one.json", *DAY_BARS),
]
"""Commands that take the ledger's word for what is held."""
BARS = "select * from stocks.bars_1d order by all"


@pytest.fixture
def running(shell: Shell) -> Shell:
    """An installation that holds three days, in the lake and as files in the archive."""
    assert 0 == shell("sync", *HELD, "--into", "archive,lake").code
    return shell


def bars(shell: Shell) -> list[dict]:
    """All that the lake has."""
    return json.loads(shell("query", BARS, "--json").out)


def read_since(vendor: Sandbox, since: int) -> list[str]:
    """The files and pages that were read of the vendor; what it was merely asked does not count."""
    return sorted(one.path.rpartition("/")[2] for one in vendor.requests[since:] if one.kind == "data")


def nothing_is_missing(shell: Shell, vendor: Sandbox) -> None:
    """Coverage, lake and archive agree, and a sync reads nothing."""
    before = len(vendor.requests)
    synced = shell("sync", "--no-actions")
    assert 0 == synced.code, synced.all
    assert [] == read_since(vendor, before)
    for check in (("lake", "verify"), ("archive", "verify")):
        said = shell(*check)
        assert 0 == said.code, said.all


def test_a_backup_is_an_installation(running: Shell, home: Home, vendor: Sandbox, tmp_path, monkeypatch):
    """Copied in the order of the page while work goes on, and put elsewhere, it is what it was when the copy began."""
    kept, elsewhere, expected = tmp_path / "backup", tmp_path / "elsewhere" / "data", bars(running)
    kept.mkdir()
    with closing(sqlite3.connect("data/download_tracker.db")) as live:
        live.execute("vacuum into ?", [str(kept / "download_tracker.db")])
    shutil.copytree("data/lake", kept / "lake", ignore=shutil.ignore_patterns("*.parquet"))
    assert 0 == running("sync", *MORE).code
    shutil.copytree("data/lake", kept / "lake", ignore=shutil.ignore_patterns("_delta_log"), dirs_exist_ok=True)
    shutil.copytree("data/archive", kept / "archive")
    shutil.rmtree(home.folder / "data")

    shutil.copytree(kept, elsewhere)
    monkeypatch.chdir(elsewhere.parent)

    assert expected == bars(running)
    running.refuses("sync", says="the ledger's archive is at", next_step="`forebay ledger rebuild`")
    assert 0 == running("ledger", "rebuild").code
    nothing_is_missing(running, vendor)


def test_a_lost_ledger_is_made_anew_from_storage(running: Shell, vendor: Sandbox):
    """`ledger rebuild` asks nobody; afterwards nothing is fetched again."""
    Path("data/download_tracker.db").unlink()
    before = len(vendor.requests)

    assert 0 == running("ledger", "rebuild").code

    assert before == len(vendor.requests)
    assert 0 == running("sync", *HELD, "--into", "archive,lake").code
    assert [] == read_since(vendor, before)
    nothing_is_missing(running, vendor)


def test_a_lost_lake_is_filled_from_the_archive(running: Shell, vendor: Sandbox):
    """`lake load` asks nobody, and the lake is what it was."""
    expected, before = bars(running), len(vendor.requests)
    shutil.rmtree("data/lake")

    assert 0 == running("lake", "load").code

    assert before == len(vendor.requests)
    assert expected == bars(running)
    nothing_is_missing(running, vendor)


def test_a_lake_that_no_archive_stands_behind_is_fetched_again(shell: Shell, vendor: Sandbox):
    """No command calls complete what is gone; `lake verify --mend` reads exactly those days again."""
    assert 0 == shell("sync", *HELD).code
    expected = bars(shell)
    shutil.rmtree("data/lake")
    Path("one.json").write_text(json.dumps(["AAPL"]), "utf-8")
    for command in ASKS_THE_LEDGER:
        shell.refuses(*command, code=1, says="no such table in the lake at", next_step="`forebay lake verify --mend`")
    before = len(vendor.requests)

    assert 0 == shell("lake", "verify", "--mend").code

    assert THREE_DAYS == read_since(vendor, before)
    assert expected == bars(shell)
    assert 0 == shell("sync", "--no-actions").code


def test_a_lost_archive_is_fetched_again_and_the_lake_is_not(running: Shell, vendor: Sandbox):
    """`archive verify` says that it is gone, a rebuild that it may be forgotten; then a sync reads exactly that."""
    shutil.rmtree("data/archive")
    running.refuses("archive", "verify", code=1, says="there is nothing at", next_step="`forebay ledger rebuild`")
    assert 0 == running("ledger", "rebuild").code
    before = len(vendor.requests)

    assert 0 == running("sync", "--no-actions").code

    assert THREE_DAYS == read_since(vendor, before)
    nothing_is_missing(running, vendor)


def test_a_leaked_key_is_exchanged(running: Shell, home: Home, vendor: Sandbox):
    """It stands in no file of the installation. A worker that has the revoked one ends and costs no attempt."""
    secrets = [value for name, value in home.vendor.env.items() if "KEY" in name]
    files = [path for path in (home.folder / "data").rglob("*") if path.is_file()]
    assert len(secrets) >= 3
    assert len(files) > 10
    assert [] == [path for path in files if any(secret.encode() in path.read_bytes() for secret in secrets)]

    assert 0 == running("discoverer", "on-demand", "--dates", "2026-03-05").code
    running.refuses(
        "worker", "--once", code=1, says="SignatureDoesNotMatch", next_step="Check POLYGON_S3_ACCESS_KEY_ID",
        POLYGON_S3_SECRET_ACCESS_KEY="revoked",
    )  # fmt: skip
    (waits,) = json.loads(running("tasks", "list", "--state", "pending", "--json").out)
    assert 0 == waits["attempt"]
    assert 0 == running("worker", "--once").code
