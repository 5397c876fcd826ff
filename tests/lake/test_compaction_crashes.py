"""Killed anywhere, a lake is whole: the old state or the new one, and the next run finishes the work."""

from __future__ import annotations

import shutil
import signal
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from killing import compact, held, on_disk, reading, rows, start, total, vacuum
from lakes import DAY, SECOND, Basin, bars

from forebay.model.partition import Source

DAYS = [DAY, DAY + timedelta(days=1), DAY + timedelta(days=4), DAY + timedelta(days=5)]
NAMES = ["A", "AAPL", "AAp", "B", "NA", "ZZZ"]
NEWER = bars(NAMES, [DAYS[1]], source=Source.FLATFILE, price=55.0)

DELIVERING = ["lake.placed", "lake.placed:2", "lake.planned", "lake.committed"]
COMPACTING = ["compact.file", "compact.file:2", "compact.written", "compact.proved", *DELIVERING]


def deliver(basin: Basin) -> None:
    """A day that comes again with other prices."""
    basin.flatfile(NEWER, DAYS[1], SECOND)


def day_file(day: date) -> pl.DataFrame:
    """A day of the lake that every test begins with."""
    return bars(NAMES, [day], source=Source.FLATFILE, price=20.0)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a lake with a file a day."""
    home = tmp_path_factory.mktemp("filled")
    basin = Basin(home)
    for day in DAYS:
        basin.flatfile(day_file(day), day)
    basin.staging.close()
    return home


@pytest.fixture(scope="module")
def compacted(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, compacted into several files; the days' own files are still on disk."""
    home = tmp_path_factory.mktemp("compacted") / "home"
    shutil.copytree(filled, home)
    basin = Basin(home)
    compact(basin)
    basin.staging.close()
    return home


def killed(home: Path, work, point: str) -> set[int]:
    """Have a process killed at its work; how many rows a reader saw meanwhile."""
    with reading(home / "lake") as seen:
        process = start(home, "dead", work, point)
        process.join(60)
    assert -signal.SIGKILL == process.exitcode
    return seen


def finish(home: Path, work) -> None:
    """Another worker does it, and then a vacuum all that time allows: nothing is left of the one that was killed."""
    basin = Basin(home, "next")
    work(basin)
    vacuum(basin)
    basin.staging.close()
    assert sorted(held(home / "lake")) == sorted(on_disk(home / "lake"))
    assert not list((home / "lake").rglob("pending*"))
    assert [] == [path.name for path in (home / "tmp").iterdir()]


@pytest.mark.parametrize("point", COMPACTING)
def test_a_killed_compaction(filled: Path, tmp_path: Path, point: str) -> None:
    """Readers see every row at every moment; the next run leaves the same rows, compacted, and no litter."""
    shutil.copytree(filled, home := tmp_path / "home")
    before, count = total(home / "lake"), len(held(home / "lake"))

    assert {before.rows} == killed(home, compact, point)

    assert before == total(home / "lake")
    finish(home, compact)
    assert before == total(home / "lake")
    assert all("-" in path.rsplit("__", 1)[1] for path in held(home / "lake"))
    assert count == len(DAYS)


@pytest.mark.parametrize("point", DELIVERING)
def test_a_killed_delivery_into_compacted_files(compacted: Path, tmp_path: Path, point: str) -> None:
    """The day is the old one or the new one, never some of each, however many files it is spread over."""
    shutil.copytree(compacted, home := tmp_path / "home")
    old = rows(home / "lake").filter(pl.col("session_date") == DAYS[1])

    assert {total(home / "lake").rows} == killed(home, deliver, point)

    prices = rows(home / "lake").filter(pl.col("session_date") == DAYS[1])["open"].unique().to_list()
    assert prices in ([20.0], [55.0])
    assert old.height == NEWER.height
    finish(home, deliver)
    found = rows(home / "lake").filter(pl.col("session_date") == DAYS[1])
    assert found.sort("ticker", "window_start").equals(NEWER.select(found.columns).sort("ticker", "window_start"))


@pytest.mark.parametrize("point", ["vacuum.removing", "vacuum.removing:3"])
def test_a_killed_vacuum(compacted: Path, tmp_path: Path, point: str) -> None:
    """It only ever removes what nothing needs, one file after the other."""
    shutil.copytree(compacted, home := tmp_path / "home")
    before = total(home / "lake")

    assert {before.rows} == killed(home, vacuum, point)

    assert before == total(home / "lake")
    finish(home, vacuum)
    assert before == total(home / "lake")


def write_days(basin: Basin) -> None:
    """Days come again, one after the other, with other prices."""
    for number, day in enumerate(DAYS * 2):
        basin.flatfile(bars(NAMES, [day], source=Source.FLATFILE, price=60.0 + number), day, SECOND)


def write_ranges(basin: Basin) -> None:
    """A symbol's range by REST comes again and again, on days that no flat file owns."""
    free = [DAYS[0] + timedelta(days=7), DAYS[0] + timedelta(days=8)]
    for number in range(8):
        basin.rest(bars("REST", free, price=30.0 + number), "REST", *free)


def compact_often(basin: Basin) -> None:
    """Whatever there is to compact, as long as there is something, again and again."""
    for _ in range(4):
        compact(basin)


def test_two_writers_and_a_compactor_at_once(filled: Path, tmp_path: Path) -> None:
    """None loses anything of the others, and a reader sees the same number of rows at every moment."""
    shutil.copytree(filled, home := tmp_path / "home")
    basin = Basin(home, "first")
    write_ranges(basin)
    expected = total(home / "lake").rows

    with reading(home / "lake") as seen:
        works = {"days": write_days, "ranges": write_ranges, "compactor": compact_often}
        processes = [start(home, worker, work) for worker, work in works.items()]
        for process in processes:
            process.join(100)

    assert [0, 0, 0] == [process.exitcode for process in processes]
    assert {expected} == seen
    compact(basin)
    opens = rows(home / "lake").group_by("session_date").agg(pl.col("open").unique()).sort("session_date")
    prices = dict(opens.iter_rows())
    assert [[64.0], [65.0], [66.0], [67.0]] == [prices[day] for day in DAYS]
    assert [[37.0], [37.0]] == [prices[day] for day in sorted(prices) if day not in DAYS]
    vacuum(basin)
    assert sorted(held(home / "lake")) == sorted(on_disk(home / "lake"))
