"""`forebay ledger rebuild`: a lost database comes back from what the archive and the lake say of themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from places import FIRST, LAST, OPTIONS, STOCKS, WEEK
from postgres_server import create_database, postgresql

from forebay.model.coverage import Evidence, Verdict
from forebay.model.intervals import Interval
from forebay.model.partition import Source

KEYS = [OPTIONS.key(day) for day in WEEK]


def lose_database(keeper):
    """The next command finds an empty ledger."""
    for path in (keeper.home.folder / "data").glob("download_tracker.db*"):
        path.unlink()


def fill_both(keeper, *datasets):
    """A week in the archive and in the lake."""
    span = ("--start", str(FIRST), "--end", str(LAST))
    keeper.run("discoverer", "historical", "--dataset", ",".join(datasets), *span, "--into", "archive,lake")
    keeper.run("worker", "--once")


def test_the_archives_rows_come_back_as_they_were(keeper):
    """Every row equal to the last field, from receipts alone: no vendor, an empty database."""
    keeper.fill(OPTIONS.name, STOCKS.name)
    before = keeper.coverage()
    lose_database(keeper)
    asked = len(keeper.home.vendor.requests)
    told = keeper.json("ledger", "rebuild")

    assert 10 == len(before)
    assert before == keeper.coverage()
    assert {"added": 10, "changed": 0, "kept": 0, "removed": 0} == told["archive"]
    assert asked == len(keeper.home.vendor.requests)
    assert keeper.json("archive", "verify", "--deep", "--dataset", OPTIONS.name)["sound"]


def test_postgresql_gets_the_same_rows(local):
    """From one database's loss into the other: what SQLite held, PostgreSQL holds, and a deep look marks it there."""
    fill_both(local, OPTIONS.name)
    before = local.coverage()
    with postgresql() as server:
        local.shell.env["DATABASE_URL"] = create_database(server, "rebuilt")
        local.run("ledger", "rebuild")
        assert before == local.coverage()
        assert local.json("archive", "verify", "--deep")["sound"]
        local.place.remove(KEYS[0])
        assert 3 == local("archive", "verify").code
        assert before[1:] == [
            replace(row, evidence=replace(row.evidence, details=unscrubbed(row))) for row in local.coverage()
        ]


def unscrubbed(row):
    """A row's details without the mark of a deep look."""
    return {name: value for name, value in row.evidence.details.items() if name != "scrubbed_at"}


def test_the_lakes_rows_come_back_as_far_as_its_files_prove_them(local):
    """Days, rows, the vendor's revision and the file's sha256; what was counted on the way and the minute are lost."""
    fill_both(local, OPTIONS.name, STOCKS.name)
    before = local.coverage("lake")
    lose_database(local)
    local.run("ledger", "rebuild")

    def proven(row):
        evidence = replace(row.evidence, details={})
        return row.partition, row.source, row.verdict, evidence

    after = local.coverage("lake")
    assert [proven(row) for row in before] == [proven(row) for row in after]
    assert all(
        abs(old.checked_at - new.checked_at) < timedelta(minutes=1) for old, new in zip(before, after, strict=True)
    )


def test_nothing_is_planned_after_a_rebuild(local):
    """The proof that counts: the next sync has nothing to fetch."""
    fill_both(local, OPTIONS.name)
    lose_database(local)
    local.run("ledger", "rebuild")
    span = ("--start", str(FIRST), "--end", str(LAST), "--into", "archive,lake")
    found = local.json("discoverer", "historical", "--dataset", OPTIONS.name, *span)

    assert [(5, 0, 0)] * 2 == [(one["held"], one["added"], one["queued"]) for one in found["discovered"]]


def test_what_rest_brought_comes_back_up_to_its_last_bar(local):
    """One row for each file, of the symbol's dates; a table that nobody filled has none."""
    args = ("--datasets", "stocks/bars_1d", "--tickers", "AAPL", "--source", "rest")
    local.run("sync", *args, "--start", "2026-02-23", "--end", "2026-03-06")
    rows = sum(row.evidence.rows for row in local.coverage("lake"))
    lose_database(local)
    local.run("ledger", "rebuild")

    after = local.coverage("lake")
    assert [("AAPL", Source.REST)] * 1 == [(row.partition.symbol, row.source) for row in after]
    assert Interval(FIRST.replace(month=2, day=23), LAST) == after[0].partition.dates
    assert (rows, Verdict.COMPLETE) == (after[0].evidence.rows, after[0].verdict)


def test_a_healthy_ledger_loses_nothing(local):
    """What is recorded says more than storage does, and stays: counts, when files were read again, REST's ranges."""
    fill_both(local, STOCKS.name)
    local.run("sync", "--tickers", "MSFT", "--source", "rest", "--start", "2026-02-23", "--end", "2026-03-06")
    local.run("archive", "verify", "--deep", "--offline")
    before = local.coverage("archive"), local.coverage("lake")
    told = local.json("ledger", "rebuild")

    assert before == (local.coverage("archive"), local.coverage("lake"))
    assert (0, 0, 0) == tuple(told["archive"][name] for name in ("added", "changed", "removed"))
    assert (0, 0, 0) == tuple(told["lake"][name] for name in ("added", "changed", "removed"))


def test_files_without_a_receipt_are_taken_by_their_size(local):
    """All that storage says; with --deep what their bytes are, and the damaged ones not at all."""
    for key, (data, _) in local.published().items():
        local.place.write(key, data)
    told = local.json("ledger", "rebuild")

    assert (0, 5) == (told["receipts"], told["by_size"])
    evidence = [row.evidence for row in local.coverage()]
    expected = "taken over by its size alone: it has no receipt"
    assert [Evidence(bytes=len(local.place.read(key)), reason=expected) for key in KEYS] == evidence
    local.place.spoil(KEYS[0])
    told = local.json("ledger", "rebuild", "--deep", code=3)
    assert [("damaged", KEYS[0])] == [(each["fault"], each["key"]) for each in told["findings"]]
    assert [64] * 4 == [len(row.evidence.sha256) for row in local.coverage()]


def test_adopt_compares_what_a_rebuild_took_by_size(local):
    """A vendor that can be asked again proves more: the revision and a receipt."""
    for key, (data, _) in local.published().items():
        local.place.write(key, data)
    local.run("ledger", "rebuild")
    told = local.json("archive", "adopt")

    assert (5, 0) == (told["datasets"][0]["adopted"], told["datasets"][0]["known"])
    assert [revision for _, revision in local.published().values()] == [
        row.evidence.revision for row in local.coverage()
    ]


@pytest.mark.parametrize("look", ["verify", "adopt"])
def test_a_copy_that_was_cut_is_not_counted_on_for_long(local, look):
    """A rebuild takes a file without a receipt by its size: the vendor's listing shows that it is too short."""
    local.fill()
    key = OPTIONS.key(WEEK[1])
    local.place.remove(f".forebay/receipts/{key}.json")
    local.place.write(key, local.place.read(key)[:50])
    local.json("ledger", "rebuild", DATABASE_URL="sqlite:///anew.db")

    found = local.json("archive", look, code=3, DATABASE_URL="sqlite:///anew.db")

    assert [("stale", key)] == [(each["fault"], each["key"]) for each in found["findings"]]
    assert "50 bytes" in found["findings"][0]["reason"]
    span = ("--start", str(WEEK[0]), "--end", str(WEEK[-1]))
    assert (
        1 == local.json("discoverer", "historical", *span, DATABASE_URL="sqlite:///anew.db")["discovered"][0]["added"]
    )


def test_what_is_not_in_storage_is_forgotten(local):
    """A file that is gone leaves the ledger, and comes back with the next worker."""
    local.fill()
    local.place.remove(KEYS[1])
    told = local.json("ledger", "rebuild")

    assert {"added": 0, "changed": 0, "kept": 4, "removed": 1} == told["archive"]
    assert [day for day in WEEK if day != WEEK[1]] == [row.partition.day for row in local.coverage()]


def test_an_archive_that_has_moved_is_taken_up_where_it_is(local):
    """The way out that a changed address is answered with."""
    local.fill()
    moved = local.home.folder / "elsewhere"
    (local.home.folder / "data" / "archive").rename(moved)
    before = local.coverage()
    local.shell.env["ARCHIVE_URI"] = str(moved)
    local.run("ledger", "rebuild")

    assert before == local.coverage()
    assert local.json("archive", "verify")["sound"]


def test_a_receipt_of_another_file_proves_nothing(local):
    """A file that was cut off after its receipt was written: not held, and said."""
    local.fill()
    time = local.published()[KEYS[0]][1].last_modified.timestamp()
    local.place.write(KEYS[0], b"cut", modified=time)
    lose_database(local)
    told = local.json("ledger", "rebuild")

    assert (4, 1) == (told["receipts"], told["by_size"])
    assert 3 == local.coverage()[0].evidence.bytes
    assert [("stale", KEYS[0])] == [
        (each["fault"], each["key"]) for each in local.json("archive", "adopt", code=3)["findings"]
    ]


def test_suspect_days_of_the_lake_stay_suspect(type_commands, folder, own_files, publish):
    """Bad rows in quarantine are storage, too: such a day does not come back as complete."""
    local = type_commands(folder)
    text = b"ticker,volume,open,close,high,low,window_start,transactions\n"
    rows = [f"T{number:03},1,1,1,1,1,1772427600000000000,1\n".encode() for number in range(200)]
    publish(STOCKS.key(FIRST), text + b"".join(rows) + b"BAD,1,1,1,1,5,1772427600000000000,1\n")
    fill_both(local, STOCKS.name)
    before = local.coverage("lake")
    lose_database(local)
    local.run("ledger", "rebuild")

    assert Verdict.SUSPECT is before[0].verdict
    assert [(row.verdict, row.evidence.reason) for row in before] == [
        (row.verdict, row.evidence.reason) for row in local.coverage("lake")
    ]


@pytest.mark.parametrize("args", [("--help",), ("rebuild", "--help")])
def test_help_has_an_example(local, args):
    """As everywhere."""
    assert "rebuild" in local.run("ledger", *args).out
