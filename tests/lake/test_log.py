"""The log: what other programs read of our commits, what we read of theirs, and what a commit costs."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable
from lakes import DAY, Basin, bars

from forebay import Lake
from forebay.errors import LakeError
from forebay.lake.home.folder import FolderHome
from forebay.lake.home.home import Conflict
from forebay.lake.log import delta
from forebay.lake.log.delta import CHECKPOINT_EVERY, NewFile
from forebay.lake.log.log import TableLog
from forebay.model.partition import Source

TABLE = "stocks/bars_1m"
NOW = datetime(2024, 3, 9, 1, 2, 3, 456000, tzinfo=UTC)
STATS = '{"numRecords":2,"minValues":{"ticker":"A"},"maxValues":{"ticker":"A"}}'


def file(symbol: str, mark: int = 0) -> NewFile:
    """A file in the log alone: nobody here reads it."""
    return NewFile(f"month=2024-03/2024-03-07__2024-03-07__rest__{symbol}__{mark:012x}.parquet", "2024-03", 10, STATS)


def opened(folder: Path) -> TableLog:
    """The log of a table, as a writer has it before a delivery."""
    (folder / "_forebay").mkdir(parents=True, exist_ok=True)
    log = TableLog(FolderHome(folder), TABLE)
    log.refresh()
    return log


def test_other_programs_read_what_was_committed(tmp_path):
    """delta-rs finds the files, their bounds and partitions, the note and the time, and what went."""
    log = opened(tmp_path)
    log.commit([file("A"), file("_b=3A")], [], NOW, {"forebay": "two"})
    log.commit([file("A", 1)], [file("A").path], NOW, {"forebay": "one more"})

    table = DeltaTable(str(tmp_path))
    found = pl.DataFrame(table.get_add_actions(flatten=True)).sort("path")
    assert [file("A", 1).path, file("_b=3A").path] == found["path"].to_list()
    assert [(2, "A", "A", "2024-03", 10)] * 2 == found.select(
        "num_records", "min.ticker", "max.ticker", "partition.month", "size_bytes"
    ).rows()
    last = table.history(1)[0]
    assert (2, "one more", "WRITE", int(NOW.timestamp() * 1000)) == tuple(
        last[name] for name in ("version", "forebay", "operation", "timestamp")
    )


def test_a_number_that_is_taken_is_a_conflict(tmp_path):
    """Whoever is second learns of it, and sees the first one's files before it tries again."""
    first, second = opened(tmp_path), opened(tmp_path)
    first.commit([file("A")], [], NOW, {})

    with pytest.raises(Conflict):
        second.commit([file("B")], [], NOW, {})
    second.refresh()
    second.commit([file("B")], [], NOW, {})

    held = set(delta.files(delta.open_table(FolderHome(tmp_path))))
    assert {file("A").path, file("B").path} == set(second.shelf.paths()) == held


def test_a_writer_that_died_while_it_committed_harms_no_entry(tmp_path, monkeypatch):
    """Its file in the making may be an entry already, under a second name."""
    log = opened(tmp_path)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    log.commit([file("A")], [], NOW, {})
    monkeypatch.undo()
    before = (tmp_path / "_delta_log" / f"{1:020}.json").read_bytes()

    log.commit([file("B")], [], NOW, {})

    assert before == (tmp_path / "_delta_log" / f"{1:020}.json").read_bytes()
    assert 2 == len(delta.files(delta.open_table(FolderHome(tmp_path))))


def test_what_others_do_to_the_table_is_seen(basin):
    """Rewritten, deleted from, its settings changed: the next delivery starts from what is there."""
    folder = basin.root / "stocks" / "bars_1m"
    basin.rest(bars(["A"], [DAY]), "A", DAY, DAY)
    for change in (
        lambda: DeltaTable(str(folder)).optimize.z_order(["ticker"]),
        lambda: DeltaTable(str(folder)).alter.set_table_properties({"delta.checkpointInterval": "50"}),
        lambda: DeltaTable(str(folder)).delete("ticker = 'A'"),
    ):
        change()
        basin.rest(bars(["B"], [DAY], price=20.0), "B", DAY, DAY)
        basin.rest(bars(["B"], [DAY], price=30.0), "B", DAY, DAY)

    rows = Lake(basin.root).bars(None, asset_class="stocks").collect()
    assert [("B", 30.0)] * 2 == rows.select("ticker", "open").rows()


def test_a_table_made_anew_is_not_mistaken_for_the_old_one(basin):
    """The lake is removed while a worker lives, as `forebay lake load` after a loss would have it."""
    basin.rest(bars(["A"], [DAY]), "A", DAY, DAY)
    shutil.rmtree(basin.root)
    other = Basin(basin.root.parent, "other")
    other.rest(bars(["B"], [DAY]), "B", DAY, DAY)
    other.staging.close()

    basin.rest(bars(["C"], [DAY]), "C", DAY, DAY)

    assert ["B", "C"] == Lake(basin.root).bars(None, asset_class="stocks").collect()["ticker"].unique().sort().to_list()


def test_a_table_of_a_later_protocol_is_left_to_the_library(basin):
    """Somebody forbade removals: the delivery that removes is refused at once, and says why."""
    basin.rest(bars(["A"], [DAY]), "A", DAY, DAY)
    folder = basin.root / "stocks" / "bars_1m"
    DeltaTable(str(folder)).alter.set_table_properties({"delta.appendOnly": "true"})

    basin.rest(bars(["B"], [DAY]), "B", DAY, DAY)
    with pytest.raises(LakeError, match="append-only"):
        basin.flatfile(bars(["A", "B"], source=Source.FLATFILE))

    assert 4 == Lake(basin.root).bars(None, asset_class="stocks").collect().height


def test_the_log_is_summed_up_now_and_then(tmp_path):
    """A checkpoint comes every so many commits, and a load after it finds every file."""
    log = opened(tmp_path)
    for mark in range(CHECKPOINT_EVERY + 1):
        log.commit([file("A", mark)], [], NOW, {})

    assert [f"{CHECKPOINT_EVERY:020}.checkpoint.parquet"] == [
        path.name for path in (tmp_path / "_delta_log").glob("*.checkpoint.parquet")
    ]
    assert CHECKPOINT_EVERY + 1 == len(opened(tmp_path).shelf.paths())


@pytest.mark.parametrize("content", ['{"ver', "{}", "[]"])
def test_a_damaged_pointer_to_the_checkpoint_stops_nobody(tmp_path, content):
    """A power cut may leave half of it; the table is whole without it."""
    log = opened(tmp_path)
    log.commit([file("A")], [], NOW, {})
    (tmp_path / "_delta_log" / "_last_checkpoint").write_text(content)

    log.refresh()
    log.commit([file("B")], [], NOW, {})

    assert {file("A").path, file("B").path} == set(log.shelf.paths()) == set(opened(tmp_path).shelf.paths())


def test_a_commit_reads_nothing_of_what_is_held(tmp_path, monkeypatch):
    """With a log that is followed, neither a look nor a commit opens an entry that was seen before."""
    log = opened(tmp_path)
    log.commit([file("A")], [], NOW, {})
    read: list[str] = []
    real = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: (real(path), read.append(path.name))[0])
    monkeypatch.setattr(delta, "open_table", None)
    for mark in range(5):
        log.refresh()
        log.commit([file("B", mark)], [], NOW, {})

    assert [] == read
    assert 6 == len(log.shelf.paths())


def test_one_symbols_files_are_found_among_all(tmp_path):
    """Its own, those of all symbols and those of no known form; `*` asks for every one."""
    log = opened(tmp_path)
    foreign = NewFile("month=2024-03/part-0000.parquet", "2024-03", 10, STATS)
    log.commit([file("A"), file("_a"), file("all"), foreign], [], NOW, {})

    assert {file("_a").path, file("all").path, foreign.path} == set(log.shelf.partition("month=2024-03", "a"))
    assert 4 == len(log.shelf.partition("month=2024-03"))
    assert [] == log.shelf.partition("month=2024-04", "a")
