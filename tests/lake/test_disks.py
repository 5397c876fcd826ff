"""The lake on another disk than staging, and a disk that lost its last writes."""

from __future__ import annotations

import errno
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from lakes import DAY, FIRST, Basin, bars

from forebay import Lake
from forebay.lake.home import moving
from forebay.lake.home.lock import incoming
from forebay.lake.writing.table import LakeTables
from forebay.model.partition import Source
from forked import ending

SHM = Path("/dev/shm")
TABLE = Path("stocks", "bars_1m")


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Path]:
    """A folder on another disk than the test's own."""
    if not SHM.is_dir() or SHM.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("needs /dev/shm on another disk than the temporary folder")
    with tempfile.TemporaryDirectory(dir=SHM) as folder:
        yield Path(folder, "lake")


def across(home: Path, far: Path) -> Basin:
    """A lake on another disk than its staging folder."""
    basin = Basin(home)
    basin.root, basin.tables = far, LakeTables(far, basin.staging)
    return basin


def test_a_lake_on_another_disk_is_filled(tmp_path: Path, far: Path) -> None:
    """Renames between the two fail, deliveries do not: new files and rewritten ones arrive, without litter."""
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="cross-device") as refused:
        (tmp_path / "file").rename(far.parent / "file")
    basin = across(tmp_path, far)
    basin.rest(bars("A", [DAY, DAY.replace(day=8)]), "A", DAY, DAY.replace(day=8))

    assert basin.flatfile(bars("A", source=Source.FLATFILE, price=50.0))

    rows = Lake(far).bars("A").collect()
    assert errno.EXDEV == refused.value.errno
    assert [50.0, 50.0, 10.0, 10.0] == rows["open"].to_list()
    assert ["lock"] == [path.name for path in (far / TABLE / "_forebay").iterdir()]
    basin.staging.close()


def die_while_copying(home: Path, far: Path) -> None:
    """Deliver a day into a lake on another disk, and die when the copy is whole but has no name yet."""

    def half(_: Path, target: Path) -> None:
        target.write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGKILL)

    basin = Basin(home, "dead")
    basin.tables = LakeTables(far, basin.staging)
    moving.shutil.copyfile = half
    basin.flatfile(bars("A", source=Source.FLATFILE))


def test_a_copy_that_was_killed_is_cleared_by_the_next_writer(tmp_path: Path, far: Path) -> None:
    """SIGKILL while a file is copied to the lake's disk leaves no part of it once another delivery was made."""
    assert -signal.SIGKILL == ending(die_while_copying, tmp_path, far)
    assert incoming(far / TABLE).exists()
    basin = across(tmp_path, far)

    basin.rest(bars("Z"), "Z", DAY, DAY)

    assert ["lock"] == [path.name for path in (far / TABLE / "_forebay").iterdir()]
    assert ["Z"] == Lake(far).bars(None, asset_class="stocks").collect()["ticker"].unique().to_list()
    basin.staging.close()


@pytest.mark.parametrize("damage", ["", "\0" * 40, '["month=2024-', '"name"'])
def test_a_note_lost_in_a_power_cut_costs_no_rows(basin: Basin, damage: str) -> None:
    """An unreadable note of files under way: those of ours that the table does not list go, all others stay."""
    basin.flatfile(bars("A", source=Source.FLATFILE))
    (kept,) = basin.files()
    stray = kept.with_name(kept.name.replace("__all__", "__Z__"))
    foreign = kept.with_name("part-00000-abc.parquet")
    for path in (stray, foreign):
        path.write_bytes(kept.read_bytes())
    (basin.root / TABLE / "_forebay" / "pending.json").write_text(damage)

    assert not basin.flatfile(bars("A", source=Source.FLATFILE), DAY, FIRST)

    assert sorted([kept, foreign]) == basin.files()
    assert not list(basin.root.rglob("pending*"))


def test_the_note_is_on_disk_before_it_counts(basin: Basin, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its content is synced under the temporary name, then its folder, before a file of the lake gets a name."""
    synced: list[str] = []
    real = os.fsync

    def noted(handle: int) -> None:
        synced.append(Path(f"/proc/self/fd/{handle}").readlink().name)
        real(handle)

    monkeypatch.setattr(os, "fsync", noted)
    basin.flatfile(bars("A", source=Source.FLATFILE))

    assert ["pending.part", "_forebay"] == synced[:2]
