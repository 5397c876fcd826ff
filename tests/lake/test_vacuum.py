"""Vacuum: what goes, and above all what stays."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from deltalake import DeltaTable
from killing import FAR, TABLE, compact, held, on_disk, total
from lakes import DAY, SECOND, Basin, bars

from forebay.lake.compaction.vacuum import Vacuum
from forebay.lake.log import delta
from forebay.model.partition import Source

DAYS = [DAY, DAY + timedelta(days=1)]
STRAY = f"{DAY}__{DAY}__flatfile__all__0123456789ab.parquet"


def fill(basin: Basin) -> None:
    """Two days, compacted: two files are replaced by one."""
    for day in DAYS:
        basin.flatfile(bars("A", [day], source=Source.FLATFILE), day)
    compact(basin)


def stray(basin: Basin, name: str, age: timedelta) -> Path:
    """A file that the log never knew, of that age."""
    path = basin.root / TABLE / "month=2024-03" / name
    path.write_bytes(b"of a writer that died")
    written = (basin.tables.clock.now() - age).timestamp()
    os.utime(path, (written, written))
    return path


def test_what_was_replaced_stays_for_its_grace(basin: Basin) -> None:
    """By the log's own times: a moment before the grace is over nothing goes, a moment after all of it."""
    fill(basin)
    vacuum = Vacuum(basin.tables, timedelta(days=3))
    removed = basin.tables.clock.now()

    assert [] == vacuum.run(TABLE, removed + timedelta(days=2, hours=23))
    assert 3 == len(on_disk(basin.root))
    gone = vacuum.run(TABLE, removed + timedelta(days=3, minutes=1))

    assert 2 == len(gone)
    assert held(basin.root) == on_disk(basin.root)
    assert [] == vacuum.run(TABLE, FAR)


def test_an_earlier_version_is_whole_until_then(basin: Basin) -> None:
    """Within the grace every file of the version before the compaction is there, with its rows."""
    fill(basin)
    before = DeltaTable(str(basin.root / TABLE), version=2)

    Vacuum(basin.tables).run(TABLE, basin.tables.clock.now())

    assert 4 == before.to_pyarrow_table().num_rows


def test_looking_removes_nothing(basin: Basin) -> None:
    """`look` says what would go."""
    fill(basin)

    assert 2 == len(Vacuum(basin.tables).look(TABLE, FAR))
    assert 3 == len(on_disk(basin.root))


def test_what_a_dead_writer_left_goes_when_it_is_old(basin: Basin) -> None:
    """Files of ours by their age; those of another program, and those that may be on their way, are left alone."""
    fill(basin)
    young = stray(basin, STRAY.replace("01", "99"), timedelta(hours=1))
    old = stray(basin, STRAY, timedelta(days=30))
    foreign = stray(basin, "part-00000-of-spark.parquet", timedelta(days=30))

    gone = Vacuum(basin.tables).run(TABLE, basin.tables.clock.now())

    assert [f"month=2024-03/{STRAY}"] == [waste.path for waste in gone]
    assert (True, False, True) == (young.exists(), old.exists(), foreign.exists())


def test_a_checkpoint_remembers_when_files_were_removed(basin: Basin) -> None:
    """Where the log's entries are summed up, the times are taken from there."""
    fill(basin)
    delta.checkpoint(basin.tables.home.table(TABLE))
    removed = basin.tables.clock.now()
    basin.flatfile(bars("A", [DAY], source=Source.FLATFILE, price=30.0), DAY, SECOND)

    assert [] == Vacuum(basin.tables, timedelta(days=3)).look(TABLE, removed + timedelta(days=2))
    assert 3 == len(Vacuum(basin.tables, timedelta(days=3)).look(TABLE, removed + timedelta(days=4)))


def test_a_longer_grace_is_kept_by_the_log(basin: Basin) -> None:
    """The table's own properties are set, so that no checkpoint forgets earlier versions sooner."""
    fill(basin)
    before = total(basin.root)

    Vacuum(basin.tables, timedelta(days=30)).run(TABLE, basin.tables.clock.now())

    kept = DeltaTable(str(basin.root / TABLE)).metadata().configuration
    assert {"interval 30 days"} == {kept["delta.logRetentionDuration"], kept["delta.deletedFileRetentionDuration"]}
    assert before == total(basin.root)
    assert basin.flatfile(bars("B", [DAY + timedelta(days=4)], source=Source.FLATFILE), DAY + timedelta(days=4))
