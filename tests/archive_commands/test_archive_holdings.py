"""`forebay archive status`, `list` and `get`: what is held, told and handed out."""

from __future__ import annotations

import hashlib
import json
from datetime import date

import pytest
from places import FIRST, LAST, OPTIONS, STOCKS, WEEK, FolderPlace


def test_status_says_where_the_archive_is_what_it_holds_and_what_it_costs(keeper):
    """Address, days, files, bytes and dollars a month, from the ledger alone."""
    keeper.fill()
    published = keeper.published()
    told = keeper.json("archive", "status", ARCHIVE_PRICE="1000000")

    size = sum(len(data) for data, _ in published.values())
    assert (keeper.place.address, 5, size) == (told["address"], told["files"], told["bytes"])
    assert told["profile"] == ("folder" if isinstance(keeper.place, FolderPlace) else "S3")
    assert round(size / 1e9 * 1_000_000, 2) == told["monthly_cost"]
    [dataset] = told["datasets"]
    expected = {"dataset": OPTIONS.name, "first": str(FIRST), "last": str(LAST), "files": 5, "bytes": size}
    assert {**expected, "missing": [], "earlier_revisions": 0, "never_read": 0} == dataset
    assert "5 files" in keeper.run("archive", "status").out


def test_status_names_the_sessions_that_are_missing_in_the_middle(local):
    """Between the first and the last held day; what feeds want is another command's business."""
    local.run("discoverer", "on-demand", "--dates", "2026-03-02,2026-03-05")
    local.run("worker", "--once")
    [dataset] = local.json("archive", "status")["datasets"]

    assert ["2026-03-03", "2026-03-04"] == dataset["missing"]
    assert "2026-03-03, 2026-03-04" in local.run("archive", "status").out


def test_status_can_ask_the_store_instead_of_the_ledger(keeper):
    """The same counts from the listing, with a ledger that knows nothing."""
    keeper.fill()
    by_ledger = keeper.json("archive", "status")
    by_store = keeper.json("archive", "status", "--storage", DATABASE_URL="sqlite:///another.db")

    assert by_ledger == by_store


def test_an_empty_archive_says_what_fills_it(local):
    """No table of nothing, and a next step."""
    said = local.run("archive", "status")

    assert "holds nothing yet" in said.out
    assert "forebay discoverer" in said.out


def test_list_has_a_line_for_each_file_with_its_evidence(local):
    """Key, size, sha256, the vendor's time and rows, for one dataset and span."""
    local.fill(OPTIONS.name, STOCKS.name)
    published = local.published(days=WEEK[1:3])
    told = local.json("archive", "list", "--dataset", OPTIONS.name, "--start", "2026-03-03", "--end", "2026-03-04")

    expected = [(key, len(data), hashlib.sha256(data).hexdigest()) for key, (data, _) in published.items()]
    assert expected == [(each["key"], each["bytes"], each["sha256"]) for each in told]
    modified = [revision.last_modified.isoformat() for _, revision in published.values()]
    assert modified == [each["last_modified"] for each in told]
    assert all(each["rows"] > 0 for each in told)


def test_list_takes_single_dates_and_prints_a_line_each(local):
    """Dates in any order; text has the same files as JSON."""
    local.fill()
    lines = local.run("archive", "list", "--dates", "2026-03-06,2026-03-02").out.splitlines()

    assert ["2026-03-02", "2026-03-06"] == [line[:10] for line in lines[1:]]
    assert lines[1].endswith(OPTIONS.key(FIRST))
    assert [] == local.json("archive", "list", "--dates", "2026-03-09")


def test_list_refuses_dates_that_contradict_each_other(local):
    """A list and a span at once, reversed dates, and every malformed date named."""
    for args, says in (
        (("--dates", "2026-03-02", "--start", "2026-03-02"), "say different things"),
        (("--start", "2026-03-04", "--end", "2026-03-02"), "reversed"),
        (("--dates", "2026-13-01,tuesday"), "'tuesday' is not a date"),
    ):
        local.shell.refuses("archive", "list", *args, says=says, next_step="")


def test_get_copies_files_under_the_vendors_keys(keeper, tmp_path):
    """Byte for byte, with the vendor's time on them, and nothing half written beside."""
    keeper.fill()
    keeper.run("archive", "get", "--dates", "2026-03-03,2026-03-05", "--out", "out")

    published = keeper.published()
    found = {path.relative_to(tmp_path / "out").as_posix(): path for path in (tmp_path / "out").rglob("*.*")}
    assert {OPTIONS.key(WEEK[1]), OPTIONS.key(WEEK[3])} == set(found)
    for key, path in found.items():
        data, revision = published[key]
        assert data == path.read_bytes()
        assert revision.last_modified.timestamp() == path.stat().st_mtime


def test_get_leaves_the_same_file_alone_and_replaces_another(local, tmp_path):
    """An identical file is not written again; one with other bytes is."""
    local.fill()
    local.run("archive", "get", "--dates", "2026-03-03,2026-03-04", "--out", "out", "--flat")
    files = sorted((tmp_path / "out").iterdir())
    before = files[0].stat().st_ino
    files[1].write_bytes(b"something else")
    told = local.json("archive", "get", "--dates", "2026-03-03,2026-03-04", "--out", "out", "--flat")

    assert ["there", "written"] == [one["result"] for one in told]
    assert before == files[0].stat().st_ino
    assert local.published()[OPTIONS.key(WEEK[2])][0] == files[1].read_bytes()
    assert f"us_options_opra__day_aggs_v1__{WEEK[1]}.csv.gz" == files[0].name


def test_get_says_what_it_could_not_have(local):
    """An absent day: exit code 3, the day, and what would archive it."""
    local.fill()
    said = local("archive", "get", "--dates", "2026-03-06,2026-03-09")

    assert 3 == said.code
    assert "written: us_options_opra" in said.out
    assert "absent: us_options_opra/day_aggs_v1/2026/03/2026-03-09.csv.gz" in said.out
    assert "forebay discoverer on-demand" in said.err


def test_get_hands_out_nothing_that_is_damaged(local, tmp_path):
    """Another sha256 than the receipt's: no file, exit code 3, and the next step."""
    local.fill()
    local.place.spoil(OPTIONS.key(WEEK[1]))
    said = local("archive", "get", "--dates", "2026-03-03", "--out", "out")

    assert 3 == said.code
    assert "damaged" in said.out
    assert "verify --deep" in said.err
    assert [] == [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_get_needs_dates(local):
    """Not the whole archive by a slip."""
    local.shell.refuses("archive", "get", says="no date", next_step="--dates")


def test_get_takes_a_span_of_what_is_held(local, tmp_path):
    """Between two dates, whatever of it is there."""
    local.fill()
    local.run("archive", "get", "--start", "2026-03-05", "--end", "2026-03-31", "--out", "out", "--flat")

    assert [str(day) for day in WEEK[3:]] == [path.name[-17:-7] for path in sorted((tmp_path / "out").iterdir())]


@pytest.mark.parametrize("command", ["status", "list", "get", "verify", "adopt"])
def test_every_command_shows_an_example(local, command):
    """`--help` ends the search for how it is typed."""
    said = local.run("archive", command, "--help")

    assert "Example:" in said.out
    assert f"forebay archive {command}" in said.out


def test_flags_take_dashes_and_underscores(local):
    """As everywhere."""
    local.fill()

    assert 1 == len(json.loads(local.run("archive", "list", "--start_date", str(date(2026, 3, 6)), "--json").out))
