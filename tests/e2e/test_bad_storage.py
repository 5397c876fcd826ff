"""Folders, ledgers and lakes that cannot be used, and disks without room: one error each, and nothing held is lost."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path

import pytest
from homes import START, truth
from shell import HELD, MORE

DATABASE = Path("data/download_tracker.db")


def test_a_file_where_a_folder_belongs(kept):
    """A file in the place of home, lake or staging folder is named; the lake that is elsewhere is left alone."""
    Path("file").write_text("mine", "utf-8")
    where = {"FOREBAY_HOME": "file"}
    kept.refuses("sync", *HELD, code=1, says="the ledger's folder", next_step="DATABASE_URL", **where)
    where = {"LAKE_URI": "file"}
    kept.refuses("sync", *MORE, code=1, says="file/stocks/", next_step="check that the folder", **where)
    kept.refuses("init", code=1, says="file: File exists", next_step="check that the folder", **where)
    assert "mine" == Path("file").read_text("utf-8")


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)


def test_a_ledger_that_is_none(kept):
    """A file that is no database is not touched, and its name is said."""
    _write(Path("other/download_tracker.db"), b"dear diary, " * 100)
    for command in (["sync", *HELD], ["status"], ["tasks", "list"]):
        says = "other/download_tracker.db is not a SQLite database"
        kept.refuses(*command, code=1, says=says, next_step="DATABASE_URL", FOREBAY_HOME="other")
    assert b"dear diary, " * 100 == Path("other/download_tracker.db").read_bytes()


def test_a_ledger_that_is_damaged(kept):
    """Half a ledger is called damaged."""
    _write(Path("other/download_tracker.db"), _settled().read_bytes()[:3000])
    kept.refuses("status", code=1, says="is damaged", next_step="restore it from a backup", FOREBAY_HOME="other")


def _settled() -> Path:
    """The ledger's file, its write-ahead log folded in."""
    with closing(sqlite3.connect(DATABASE)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return DATABASE


def test_a_newer_ledger(kept):
    """A later version's ledger is refused whole; nothing is written to it."""
    _write(Path("other/download_tracker.db"), _settled().read_bytes())
    with closing(sqlite3.connect("other/download_tracker.db")) as connection, connection:
        connection.execute("UPDATE forebay_revision SET version_num = '9999'")
    before = Path("other/download_tracker.db").read_bytes()
    for command in (["sync", *MORE], ["status"], ["init"]):
        says = "was written by a later Forebay"
        kept.refuses(*command, code=1, says=says, next_step="install that version", FOREBAY_HOME="other")
    assert before == Path("other/download_tracker.db").read_bytes()


def test_a_newer_lake(kept):
    """A later version's lake is neither read nor written; one error says why, not one for each task."""
    shutil.copytree("data/lake", "newer")
    log = Path("newer/stocks/bars_1d/_delta_log/00000000000000000000.json")
    log.write_text(log.read_text("utf-8").replace("Forebay lake format 1", "Forebay lake format 2"), "utf-8")
    before = sorted(Path("newer").rglob("*.*"))
    newer = {"LAKE_URI": "newer"}
    for command in (["bars", "AAPL"], ["query", "select * from stocks.bars_1d"]):
        kept.refuses(*command, code=1, says="lake format 2", next_step="upgrade Forebay", **newer)
    wanted = ("--datasets", "stocks/bars_1d", "--start", "2026-03-05", "--end", "2026-03-05")
    kept.refuses("sync", *wanted, code=1, says="lake format 2", next_step="upgrade Forebay", **newer)
    assert before == sorted(Path("newer").rglob("*.*"))


def test_a_folder_that_may_not_be_written(kept):
    """On a read-only disk what is held can be read, and what would be written says so."""
    with _disk("2m", Path("full")) as full:
        shutil.copytree("data", full / "data")
        _remount(full, "ro")
        where = {"FOREBAY_HOME": f"{full}/data"}
        assert 0 == kept("bars", "AAPL", **where).code
        kept.refuses("sync", *MORE, code=1, says="the ledger", next_step="write", **where)
        kept.refuses("init", code=1, says="", next_step="write", **where)
        assert "FAULT ledger" in kept("doctor", **where).out


@pytest.mark.parametrize("size", ["40k", "420k", "900k"])
def test_a_full_disk(home, shell, size):
    """Wherever the disk fills up, in ledger, staging or lake: one error; with room again the next run completes."""
    with _disk(size, Path("small")) as disk:
        where = {"FOREBAY_HOME": str(disk)}
        shell.refuses("sync", *MORE, code=1, says="", next_step="free some space", **where)
        _remount(disk, "size=60m")
        said = shell("sync", *MORE, **where)
        assert (0, True) == (said.code, "complete: nothing is missing" in said.out), said.all
        assert [] == list(disk.glob("tmp/*"))
        answer = shell("query", "select count(*) as n from stocks.bars_1d", "--json", **where)
        expected = truth(home.vendor, "stocks/bars_1d", START, date(2026, 3, 6))
        assert expected.height == json.loads(answer.out)[0]["n"]


@contextmanager
def _disk(size: str, folder: Path) -> Iterator[Path]:
    """A disk of that size in memory; only root may have one."""
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def _remount(disk: Path, option: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{option}", disk], check=True)
