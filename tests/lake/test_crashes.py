"""Killed at any step and run again, a delivery ends in the same files as one that was never killed."""

from __future__ import annotations

import os
import signal
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from killing import die_at
from lakes import DAY, FIRST, SECOND, Basin, bars

from forebay import Lake
from forebay.errors import LedgerUnavailable, StoreError
from forebay.lake.home import folder as folder_home
from forebay.lake.home.folder import FolderHome
from forebay.lake.home.staging import Staging, sweep
from forebay.lake.log import delta
from forebay.model.partition import Source
from forked import ending, endings

STEPS = [
    ("forebay.lake.intake.intake", "check_rows"),
    ("forebay.lake.home.folder", "announce"),
    ("forebay.lake.home.folder", "move"),
    ("forebay.lake.writing.placing", "Remaining"),
    ("forebay.lake.home.folder", "publish"),
    ("os", "link"),
    ("forebay.lake.home.folder", "clear_leftovers"),
]


def names(folder: Path) -> set[str]:
    """What a folder holds."""
    return {path.name for path in folder.iterdir()}


def fill(basin: Basin) -> None:
    """REST rows over the day and its neighbour, so that the flat file has something to rewrite."""
    days = [DAY, DAY.replace(day=8)]
    basin.rest(bars("A", days), "A", *days)


def killed_delivery(home: Path, module: str, step: str, when: str) -> None:
    """A flat file's, that dies just before or after it reaches a step."""
    basin = Basin(home, "dead")
    die_at(import_module(module), step, when)
    basin.flatfile(bars(["A", "B"], source=Source.FLATFILE, price=50.0))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("module", "step"), STEPS, ids=[step for _, step in STEPS])
def test_a_killed_delivery_is_finished_by_the_next(tmp_path: Path, module: str, step: str, when: str) -> None:
    """SIGKILL before or after any step; the rerun leaves the rows and files of a clean run, and no litter."""
    clean, hurt = Basin(tmp_path / "clean"), Basin(tmp_path / "hurt", "one")
    for basin in (clean, hurt):
        fill(basin)
    clean.flatfile(bars(["A", "B"], source=Source.FLATFILE, price=50.0))

    ended = ending(killed_delivery, tmp_path / "hurt", module, step, when)
    again = Basin(tmp_path / "hurt", "two")
    again.flatfile(bars(["A", "B"], source=Source.FLATFILE, price=50.0))

    assert -signal.SIGKILL == ended
    assert Lake(clean.root).digest("stocks/bars_1m") == Lake(hurt.root).digest("stocks/bars_1m")
    assert [path.name for path in clean.files()] == [path.name for path in hurt.files()]
    assert not list(hurt.root.rglob("pending*"))
    assert ["one", "two"] == sorted(path.name for path in (tmp_path / "hurt" / "tmp").iterdir())


def test_leftovers_go_even_when_the_delivery_is_never_repeated(tmp_path: Path) -> None:
    """A file that was renamed and never committed is removed by whoever writes to the table next."""
    basin = Basin(tmp_path, "one")
    assert -signal.SIGKILL == ending(killed_delivery, tmp_path, "forebay.lake.home.folder", "move", "after")
    assert 1 == len(basin.files())

    basin.rest(bars("Z", [DAY]), "Z", DAY, DAY)

    assert ["Z"] == Lake(basin.root).bars(None, asset_class="stocks").collect()["ticker"].unique().to_list()
    assert [True] == ["__Z__" in path.name for path in basin.files()]


def deliver_ten_days(home: Path, first: int) -> None:
    """The flat files of ten days from the `first` of the month on."""
    basin = Basin(home, f"worker-{first}")
    for number in range(10):
        day = date(2024, 3, first + number)
        basin.flatfile(bars(["A", "B"], [day], source=Source.FLATFILE), day)


def test_processes_that_commit_at_once_lose_nothing(tmp_path: Path) -> None:
    """Two processes write ten days each into one table; all twenty are held."""
    assert [0, 0] == endings(deliver_ten_days, [(tmp_path, 1), (tmp_path, 15)])

    days = Lake(tmp_path / "lake").bars("A").collect()["session_date"].unique().to_list()
    assert 20 == len(days)
    assert 20 == len(list((tmp_path / "lake").rglob("*.parquet")))


def leave_a_folder(tmp: Path) -> None:
    """A worker's, with a file in it, that ends without a word."""
    Staging(tmp, "dead").new_file().write_text("x")
    os._exit(1)


def test_only_the_folders_of_dead_workers_are_swept(tmp_path: Path) -> None:
    """A living worker's folder stays; one whose process is gone is removed by the next to start."""
    with Staging(tmp_path, "alive") as alive:
        alive.new_file().write_text("x")
        assert 1 == ending(leave_a_folder, tmp_path)
        assert {"alive", "dead"} == names(tmp_path)

        with Staging(tmp_path, "new"):
            assert {"alive", "new"} == names(tmp_path)

    assert set() == names(tmp_path)


def test_a_dead_workers_folder_stays_until_its_tasks_are_free(tmp_path: Path) -> None:
    """Who is killed while it sweeps, or cannot tell the ledger, leaves the folder to the next; its own is gone."""
    Staging(tmp_path, "dead").abandon()

    def away(_: str) -> None:
        raise LedgerUnavailable("the ledger is away", remedy="look later")

    with pytest.raises(LedgerUnavailable):
        Staging(tmp_path, "first", away)
    assert {"dead"} == names(tmp_path)

    freed: list[str] = []
    with Staging(tmp_path, "second", freed.append):
        assert (["dead"], {"second"}) == (freed, names(tmp_path))


def test_a_worker_that_begins_while_its_folder_is_swept_waits(tmp_path: Path) -> None:
    """Between making a folder and locking it, it looks like a dead worker's: another process may have the lock."""
    Staging(tmp_path, "new").abandon()
    begun: list[Future[Staging]] = []
    with ThreadPoolExecutor(1) as pool:

        def free(name: str) -> None:
            begun.append(pool.submit(Staging, tmp_path, name))
            wait(begun, timeout=0.2)

        sweep(tmp_path, free)
        with begun[0].result(60) as staging:
            assert ({"new"}, ["lock"]) == (names(tmp_path), [path.name for path in staging.folder.iterdir()])


def test_rows_delivered_before_stay_when_a_delivery_fails(basin: Basin) -> None:
    """An error in the middle leaves the lake as it was, without files of the failed delivery."""
    fill(basin)
    before = (Lake(basin.root).digest("stocks/bars_1m"), basin.files())
    staged = basin.stage(bars("A", source=Source.FLATFILE, price=50.0))
    target = basin.root / "stocks" / "bars_1m" / "_delta_log"
    target.rename(target.with_name("_delta_log_away"))
    target.touch()
    with pytest.raises(Exception, match="bars_1m"):
        basin.tables.replace_day(staged, DAY, FIRST)
    target.unlink()
    target.with_name("_delta_log_away").rename(target)

    assert before == (Lake(basin.root).digest("stocks/bars_1m"), basin.files())


def test_an_earlier_version_keeps_a_file_that_a_failed_delivery_brought_again(
    basin: Basin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vendor takes a correction back, and the commit fails: the first version is still read as it was."""
    first = bars("A", source=Source.FLATFILE)
    basin.flatfile(first)
    basin.flatfile(bars("A", source=Source.FLATFILE, price=50.0), revision=SECOND)

    def refused(*_: Any) -> None:
        raise PermissionError(13, "the disk was mounted read-only")

    with monkeypatch.context() as broken:
        broken.setattr(folder_home, "publish", refused)
        with pytest.raises(StoreError):
            basin.flatfile(first)

    assert first["open"].to_list() == Lake(basin.root).bars("A", as_of=1).collect()["open"].to_list()
    assert [50.0, 50.0] == Lake(basin.root).bars("A").collect()["open"].to_list()


def test_a_commit_of_another_program_in_between_is_planned_around(
    basin: Basin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program rewrites the table just before our commit: ours is planned again and nothing is lost."""
    fill(basin)
    real, seen = folder_home.publish, []

    def late(*given: Any) -> None:
        if not seen:
            DeltaTable(str(basin.root / "stocks" / "bars_1m")).optimize.z_order(["ticker"])
        seen.append(given)
        real(*given)

    monkeypatch.setattr(folder_home, "publish", late)
    basin.flatfile(bars("A", source=Source.FLATFILE, price=50.0))

    rows = Lake(basin.root).bars("A").collect()
    assert 2 == len(seen)
    assert [(DAY, 50.0), (DAY.replace(day=8), 10.0)] == sorted(set(rows.select("session_date", "open").rows()))
    assert 4 == rows.height
    held = set(delta.files(delta.open_table(FolderHome(basin.root / "stocks" / "bars_1m"))))
    ours = [path for path in basin.files() if "__flatfile__" in path.name or "mixed" in path.name]
    assert all(f"{path.parent.name}/{path.name}" in held for path in ours)
    assert not list(basin.root.rglob("pending*"))
