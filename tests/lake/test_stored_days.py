"""What the coverage grid is told of storage: the dates of which a lake's log and an archive's store list files."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from lakes import DAY, MINUTES, Basin, bars
from test_bad_tables import add_entry

from forebay.lake.reading.tables import Tables
from forebay.model.partition import Source
from forebay.orchestration.grid.stored import LISTED_AGAIN, NOTHING, ShelfDays, Stored, StoredDays
from forebay.stores.folder import FolderStore
from forebay.testing import FakeClock

TABLE = MINUTES.table
NEXT = DAY + timedelta(days=1)


@pytest.fixture
def stored(basin: Basin) -> StoredDays:
    """What the grid asks of a lake."""
    return StoredDays(Tables(basin.tables.home))


def test_a_lake_tells_the_dates_of_its_newest_version(basin: Basin, stored: StoredDays) -> None:
    """Nothing before there is a table, then each date of a file, and one more as soon as it is committed."""
    assert NOTHING == stored.of(TABLE)
    basin.rest(bars("A", [DAY]), "A", DAY, DAY)
    assert Stored(frozenset({DAY})) == stored.of(TABLE)
    basin.rest(bars("B", [NEXT]), "B", NEXT, NEXT)
    assert Stored(frozenset({DAY, NEXT})) == stored.of(TABLE)


def test_what_the_stream_brought_is_no_proof(basin: Basin, stored: StoredDays) -> None:
    """A day of which only live bars are there has lost its file."""
    basin.tables.put_live(TABLE, bars("A", [DAY], source=Source.STREAM))
    assert NOTHING == stored.of(TABLE)
    basin.flatfile(bars("A", source=Source.FLATFILE))
    assert Stored(frozenset({DAY})) == stored.of(TABLE)


def test_a_file_of_another_program_may_hold_any_date(basin: Basin, stored: StoredDays) -> None:
    """Where its name tells nothing, no date can be said to be lost."""
    basin.rest(bars("A", [DAY]), "A", DAY, DAY)
    add = {"path": "month=2024-03/part-0000.parquet", "partitionValues": {"month": "2024-03"}, "size": 10}
    add_entry(basin, {"add": {**add, "modificationTime": 1, "dataChange": True}})
    assert Stored(frozenset({DAY}), told=False) == stored.of(TABLE)


def test_an_archive_is_listed_beside_and_again_after_a_while(tmp_path: Path) -> None:
    """Nobody waits for a store: what was listed last is told, and listed anew once that is some minutes old."""
    clock = FakeClock(datetime(2024, 3, 12, tzinfo=UTC))
    store = FolderStore(tmp_path)
    shelves = ShelfDays(store, clock)
    _put(tmp_path, DAY)
    assert shelves.of(TABLE) is None
    _wait(lambda: shelves.of(TABLE) == Stored(frozenset({DAY})))
    _put(tmp_path, NEXT)
    clock.advance(LISTED_AGAIN.total_seconds())
    assert Stored(frozenset({DAY})) == shelves.of(TABLE)
    clock.advance(1)
    _wait(lambda: shelves.of(TABLE) == Stored(frozenset({DAY, NEXT})))


def _put(folder: Path, day) -> None:
    path = folder / MINUTES.key(day)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")


def _wait(so) -> None:
    end = time.monotonic() + 60
    while not so():
        assert time.monotonic() < end
        time.sleep(0.01)
