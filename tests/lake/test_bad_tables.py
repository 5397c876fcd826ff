"""Tables that are damaged, of another program, or of a later version: one clear error, and nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from lakes import DAY, Basin, bars

from forebay import Lake
from forebay.errors import LakeError, NewerVersion
from forebay.lake.compaction.vacuum import Vacuum
from forebay.model.partition import Source

NEXT = DAY.replace(day=8)
NOW = datetime(2024, 4, 1, tzinfo=UTC)
TABLE = Path("stocks", "bars_1m")


@pytest.fixture
def filled(basin: Basin) -> Basin:
    """A table with one file of two days, of which a flat file of the first would take the rows."""
    basin.rest(bars("A", [DAY, NEXT]), "A", DAY, NEXT)
    return basin


def deliver(basin: Basin) -> bool:
    """That flat file."""
    return basin.flatfile(bars(["A", "B"], source=Source.FLATFILE, price=50.0))


def state(basin: Basin) -> dict[str, bytes]:
    """Every file of the lake."""
    return {str(path): path.read_bytes() for path in basin.root.rglob("*.*") if path.is_file()}


def add_entry(basin: Basin, *actions: dict) -> None:
    """Commit as another program would."""
    log = basin.root / TABLE / "_delta_log"
    entry = log / f"{len(list(log.glob('*.json'))):020}.json"
    entry.write_text("".join(json.dumps(action) + "\n" for action in ({"commitInfo": {"timestamp": 1}}, *actions)))


DAMAGES: list[tuple[str, Callable[[Path], object], str]] = [
    ("cut short", lambda path: path.write_bytes(path.read_bytes()[:900]), "cannot be read"),
    ("zeros", lambda path: path.write_bytes(bytes(path.stat().st_size)), "cannot be read"),
    ("empty", lambda path: path.write_bytes(b""), "cannot be read"),
    ("gone", lambda path: path.unlink(), "is gone"),
    ("foreign", lambda path: pl.DataFrame({"x": [1]}).write_parquet(path), "has no column ticker; it has x"),
]


@pytest.mark.parametrize(("damage", "says"), [case[1:] for case in DAMAGES], ids=[case[0] for case in DAMAGES])
def test_a_damaged_file_is_named(filled: Basin, damage: Callable[[Path], object], says: str) -> None:
    """A delivery that has to read it is refused with its path; the table stays as it was, and other days go on."""
    (path,) = filled.files()
    damage(path)
    before = state(filled)

    with pytest.raises(LakeError, match=says) as refused:
        deliver(filled)

    assert str(path) in str(refused.value)
    assert "lake verify --mend" in refused.value.remedy
    assert before == state(filled)
    assert filled.rest(bars("B", [DAY]), "B", DAY, DAY)


def test_damage_inside_a_file_reaches_readers_as_one_error(filled: Basin) -> None:
    """Pages that do not unpack, under a footer that is whole."""
    (path,) = filled.files()
    content = bytearray(path.read_bytes())
    content[100:300] = bytes(200)
    path.write_bytes(content)

    with pytest.raises(LakeError, match="bars_1m"):
        Lake(filled.root).digest("stocks/bars_1m")
    with pytest.raises(LakeError, match=path.name):
        deliver(filled)


def test_a_stray_file_is_left_alone(filled: Basin) -> None:
    """Parquet of another program beside ours, which no commit names: not read, not written, not removed."""
    stray = filled.root / TABLE / "month=2024-03" / "part-00000.parquet"
    pl.DataFrame({"x": [1]}).write_parquet(stray)

    assert deliver(filled)

    assert [50.0, 50.0, 10.0, 10.0] == Lake(filled.root).bars("A").collect()["open"].to_list()
    assert ["x"] == pl.read_parquet(stray).columns


LATER = [
    {"minReaderVersion": 99, "minWriterVersion": 99},
    {"minReaderVersion": 1, "minWriterVersion": 7, "writerFeatures": ["not yet thought of"]},
    {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["later"], "writerFeatures": ["later"]},
]


@pytest.mark.parametrize("protocol", LATER, ids=["version", "feature for writers", "feature for readers"])
def test_a_later_protocol_is_refused_whole(filled: Basin, protocol: dict) -> None:
    """A table that asks for what we do not know is not written; readers are told too where it concerns them."""
    add_entry(filled, {"protocol": protocol})
    before = state(filled)

    with pytest.raises(NewerVersion, match="more of the Delta protocol") as refused:
        deliver(filled)

    assert "upgrade Forebay" in refused.value.remedy
    assert before == state(filled)
    if protocol["minReaderVersion"] > 1:
        with pytest.raises(NewerVersion, match="more of the Delta protocol"):
            Lake(filled.root).bars("A")


@pytest.mark.parametrize("feature", ["deletionVectors", "columnMapping"])
def test_files_that_do_not_say_everything_are_not_read(filled: Basin, feature: str) -> None:
    """Rows that the log alone calls deleted, or columns that it renames, would be read wrongly: refused by name."""
    features = {"readerFeatures": [feature], "writerFeatures": [feature]}
    add_entry(filled, {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, **features}})
    before = state(filled)

    with pytest.raises(LakeError, match=f"does not read: {feature}"):
        deliver(filled)
    with pytest.raises(LakeError, match=f"does not read: {feature}"):
        Lake(filled.root).bars("A")
    assert before == state(filled)


BAD_ENTRIES = [b'{"add": {"pa', b"[1, 2]", b'{"add": {"size": 1}}', bytes(300), b"\xff{}"]


@pytest.mark.parametrize("entry", BAD_ENTRIES)
def test_a_damaged_entry_is_named(filled: Basin, entry: bytes) -> None:
    """Whoever knew the table and whoever comes anew is told in one line which it is and what to do; nobody writes."""
    reader = Lake(filled.root)
    assert 4 == reader.bars("A").collect().height
    path = filled.root / TABLE / "_delta_log" / f"{2:020}.json"
    path.write_bytes(entry)
    before = state(filled)

    other = Basin(filled.root.parent, "other")
    asked = [
        lambda: reader.bars("A"),
        lambda: Lake(filled.root).bars("A"),
        lambda: deliver(filled),
        lambda: deliver(other),
    ]
    for ask in asked:
        with pytest.raises(LakeError, match=rf"_delta_log/{path.name}, an entry of its log, is damaged$") as refused:
            ask()
        assert f"{filled.root / TABLE} cannot be read" in str(refused.value)
        assert "restore it from a backup; without one, move" in refused.value.remedy
    assert before == state(filled)


@pytest.mark.parametrize("stats", ['{"numRec', "[1]", "7", '{"minValues":null}', '{"maxValues":{"ticker":5}}', None])
def test_statistics_that_say_nothing_leave_nothing_out(filled: Basin, stats: str | None) -> None:
    """A file of another program that follows: it is read, by who knew the table too, and deliveries go on."""
    reader = Lake(filled.root, warns=False)
    assert 4 == reader.bars("A").collect().height
    (ours,) = filled.files()
    other = ours.with_name("part-0.parquet")
    other.write_bytes(ours.read_bytes())
    values = {"partitionValues": {"month": "2024-03"}, "size": other.stat().st_size}
    times = {"modificationTime": 1, "dataChange": True}
    add_entry(filled, {"add": {"path": f"{ours.parent.name}/{other.name}", **values, **times, "stats": stats}})

    assert [8, 8] == [lake.bars(["A", "B"]).collect().height for lake in (reader, Lake(filled.root, warns=False))]
    assert filled.rest(bars("B", [DAY]), "B", DAY, DAY)


def test_a_lost_entry_is_named(filled: Basin) -> None:
    """One that is gone between others, as after a copy that was cut short; `vacuum` removes nothing then."""
    deliver(filled)
    (filled.root / TABLE / "_delta_log" / f"{1:020}.json").unlink()
    before = state(filled)

    for ask in (Lake(filled.root).bars, lambda _: Vacuum(filled.tables).run("stocks/bars_1m", NOW)):
        with pytest.raises(LakeError, match=r"0001\.json, an entry of its log, is missing"):
            ask("A")
    assert before == state(filled)
