"""A ledger and a lake of the first release open in today's: nothing is fetched again, nothing is lost."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from homes import Home
from postgres_server import create_database, postgresql
from shell import Shell

from forebay import Sandbox

FIRST = Path(__file__).parents[1] / "data" / "first_release"
HELD = {"stocks/bars_1d": 4, "stocks/bars_1m": 1, "crypto/bars_1d": 6, "forex/bars_1d": 1}
DAY_FILES = "us_stocks_sip/day_aggs_v1/2026/{:%m/%Y-%m-%d}.csv.gz"


@pytest.fixture(scope="module")
def vendor(tmp_path_factory):
    """The vendor of that time, who has gone on publishing: its files are those that the first release read."""
    folder = tmp_path_factory.mktemp("first") / "vendor"
    shutil.copytree(FIRST / "vendor", folder)
    with closing(_ledger(":memory:")) as ledger:
        for dataset, day, published in ledger.execute(
            "select dataset, day, unixepoch(last_modified) from files_upstream"
        ):
            path = folder / dataset / day[:4] / day[5:7] / f"{day}.csv.gz"
            os.utime(path, (published, published))
    with Sandbox(start=date(2026, 2, 20), end=date(2026, 3, 5), tickers=4, extra_files=folder) as running:
        yield running


@pytest.fixture
def home(tmp_path, vendor):
    """The first release's folder, as it was left."""
    data = tmp_path / "data"
    for name in ("lake", "quarantine"):
        shutil.copytree(FIRST / name, data / name)
    _ledger(data / "download_tracker.db").close()
    return Home(tmp_path, vendor)


def _ledger(path: Path | str) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.executescript((FIRST / "ledger.sql").read_text("utf-8"))
    return connection


@contextmanager
def _moved(shell: Shell, home: Home) -> Iterator[None]:
    """With the ledger in PostgreSQL, and the SQLite file away."""
    with postgresql() as server:
        url = create_database(server, "forebay")
        moved = shell("ledger", "move", "sqlite:///data/download_tracker.db", url)
        assert 0 == moved.code, moved.all
        assert "tasks: 8 rows\n" in moved.out
        (home.folder / "data" / "download_tracker.db").unlink()
        shell.env["DATABASE_URL"] = url
        assert HELD == _held(shell)
        yield


def _held(shell: Shell) -> dict[str, int]:
    """Table to the session dates, or symbol days, that `status` says are held."""
    status = json.loads(shell("status", "--json").out)
    assert 8 == sum(status["tasks"].values())
    return {row["table"]: row["held"] for row in status["covered"]}


def _asked(vendor: Sandbox, since: int) -> list[str]:
    """The session dates whose files were read, and everything that was read by REST."""
    return sorted(one.path.rpartition("/")[2] for one in vendor.requests[since:] if one.kind == "data")


def test_all_that_is_held_is_still_held(home: Home, shell: Shell):
    """Status, bars and every check of the lake speak of the first release's days as it did."""
    assert HELD == _held(shell)

    published = pl.read_csv(FIRST / "vendor" / DAY_FILES.format(date(2026, 3, 3)))
    bars = json.loads(shell("bars", "AAPL", "--timeframe", "1d", "--start", "2026-02-26", "--json").out)
    assert ["2026-02-26", "2026-02-27", "2026-03-02", "2026-03-03"] == [bar["session_date"] for bar in bars]
    assert published.filter(ticker="AAPL")["close"].to_list() == [bars[-1]["close"]]

    verified = json.loads(shell("lake", "verify", "--deep", "--json").out)
    assert 13 == len(verified)
    (bad,) = [session for session in verified if session["score"] < 100]
    assert ("forex/bars_1d", "2026-03-03") == (bad["table"], bad["date"])
    assert "3 of 3 rows are bad: outside_session_date" in bad["reasons"][0]["text"]
    assert "2026-03-03" in shell("quarantine", "list").out


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_sync_goes_on_where_the_first_release_stopped(database, home: Home, shell: Shell, vendor: Sandbox):
    """Asked for two days more it reads their two files, and the one that was spoilt and published anew; no other.

    Nor does it when its ledger has been moved to PostgreSQL, the lake compacted and the ledger made anew from it.
    """
    with _moved(shell, home) if database == "postgresql" else nullcontext():
        _goes_on(shell, vendor)


def _goes_on(shell: Shell, vendor: Sandbox) -> None:
    before = len(vendor.requests)
    more = ("--datasets", "stocks/bars_1d", "--start", "2026-02-26", "--end", "2026-03-05", "--no-actions")
    assert 0 == shell("sync", *more).code
    assert ["2026-03-04.csv.gz", "2026-03-05.csv.gz"] == _asked(vendor, before)

    before = len(vendor.requests)
    healed = shell("sync", "--no-actions")
    assert 0 == healed.code, healed.all
    assert ["2026-03-03.csv.gz"] == _asked(vendor, before)

    compacted = shell("lake", "compact", "--now")
    assert 0 == compacted.code, compacted.all
    rebuilt = shell("ledger", "rebuild")
    assert 0 == rebuilt.code, rebuilt.all
    before = len(vendor.requests)
    assert 0 == shell("sync", "--no-actions").code
    assert [] == _asked(vendor, before)


def test_a_later_ledger_is_refused(home: Home, shell: Shell):
    """A ledger that a later Forebay wrote is named, with what to do, and not touched."""
    path = home.folder / "data" / "download_tracker.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("update forebay_revision set version_num = '9999'")
    with closing(sqlite3.connect(path)) as connection:
        kept = list(connection.iterdump())
    for command in (("status",), ("sync",), ("worker", "--once")):
        shell.refuses(*command, code=1, says="was written by a later Forebay", next_step="install that version")
    with closing(sqlite3.connect(path)) as connection:
        assert kept == list(connection.iterdump())
