"""Killed at any step and run again, a delivery ends in the same files as one that was never killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from lakes import DAY, FIRST, SECOND, Basin, bars

from forebay import Lake
from forebay.errors import LedgerUnavailable, StoreError
from forebay.lake.home import folder as folder_home
from forebay.lake.home.folder import FolderHome
from forebay.lake.home.staging import Staging
from forebay.lake.log import delta
from forebay.model.partition import Source

HERE = Path(__file__).parent

# Kills itself with SIGKILL just before or after the n-th time that a step of the delivery is reached.
CHILD = """
import os, signal, sys
sys.path.insert(0, {here!r})
home, module, step, when, worker = sys.argv[1:6]
from importlib import import_module
from pathlib import Path
from lakes import *
owner = import_module(module)
real = getattr(owner, step)
def deadly(*given, **named):
    if when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    result = real(*given, **named)
    os.kill(os.getpid(), signal.SIGKILL)
basin = Basin(Path(home), worker)
setattr(owner, step, deadly)
basin.flatfile(bars(["A", "B"], source=Source.FLATFILE, price=50.0))
"""

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


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("module", "step"), STEPS, ids=[step for _, step in STEPS])
def test_a_killed_delivery_is_finished_by_the_next(tmp_path: Path, module: str, step: str, when: str) -> None:
    """SIGKILL before or after any step; the rerun leaves the rows and files of a clean run, and no litter."""
    clean, hurt = Basin(tmp_path / "clean"), Basin(tmp_path / "hurt", "one")
    for basin in (clean, hurt):
        fill(basin)
    clean.flatfile(bars(["A", "B"], source=Source.FLATFILE, price=50.0))

    child = subprocess.run(
        [sys.executable, "-c", CHILD.format(here=str(HERE)), str(tmp_path / "hurt"), module, step, when, "dead"],
        check=False,
    )
    again = Basin(tmp_path / "hurt", "two")
    again.flatfile(bars(["A", "B"], source=Source.FLATFILE, price=50.0))

    assert -signal.SIGKILL == child.returncode
    assert Lake(clean.root).digest("stocks/bars_1m") == Lake(hurt.root).digest("stocks/bars_1m")
    assert [path.name for path in clean.files()] == [path.name for path in hurt.files()]
    assert not list(hurt.root.rglob("pending*"))
    assert ["one", "two"] == sorted(path.name for path in (tmp_path / "hurt" / "tmp").iterdir())


def test_leftovers_go_even_when_the_delivery_is_never_repeated(tmp_path: Path) -> None:
    """A file that was renamed and never committed is removed by whoever writes to the table next."""
    basin = Basin(tmp_path, "one")
    arguments = [str(tmp_path), "forebay.lake.home.folder", "move", "after", "dead"]
    subprocess.run([sys.executable, "-c", CHILD.format(here=str(HERE)), *arguments], check=False)
    assert 1 == len(basin.files())

    basin.rest(bars("Z", [DAY]), "Z", DAY, DAY)

    assert ["Z"] == Lake(basin.root).bars(None, asset_class="stocks").collect()["ticker"].unique().to_list()
    assert [True] == ["__Z__" in path.name for path in basin.files()]


def test_processes_that_commit_at_once_lose_nothing(tmp_path: Path) -> None:
    """Two processes write ten days each into one table; all twenty are held."""
    code = (
        f"import sys; sys.path.insert(0, {str(HERE)!r})\n"
        "from lakes import *\n"
        "basin = Basin(Path(sys.argv[1]), sys.argv[2])\n"
        "for number in range(10):\n"
        "    day = date(2024, 3, int(sys.argv[3]) + number)\n"
        "    basin.flatfile(bars(['A', 'B'], [day], source=Source.FLATFILE), day)\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), f"worker-{first}", first]) for first in ("1", "15")
    ]

    assert [0, 0] == [writer.wait(60) for writer in writers]

    days = Lake(tmp_path / "lake").bars("A").collect()["session_date"].unique().to_list()
    assert 20 == len(days)
    assert 20 == len(list((tmp_path / "lake").rglob("*.parquet")))


def test_only_the_folders_of_dead_workers_are_swept(tmp_path: Path) -> None:
    """A living worker's folder stays; one whose process is gone is removed by the next to start."""
    code = "import os,sys\nfrom pathlib import Path\nfrom forebay.lake.home.staging import Staging\n"
    code += "Staging(Path(sys.argv[1]), 'dead').new_file().write_text('x')\nos._exit(1)"
    with Staging(tmp_path, "alive") as alive:
        alive.new_file().write_text("x")
        subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
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
