"""`forebay archive adopt`: a mirror of other tools becomes the archive, without a download."""

from __future__ import annotations

import gzip

import pytest
from places import OPTIONS, STOCKS, WEEK, BucketPlace, FolderPlace

from forebay.model.coverage import Verdict

KEYS = [OPTIONS.key(day) for day in WEEK]


def mirror(keeper, dataset=OPTIONS, prefix=""):
    """What `aws s3 sync` or `rclone copy` leaves: the vendor's files, in a folder with their time."""
    published = keeper.published(dataset)
    for key, (data, revision) in published.items():
        keeper.place.write(prefix + key, data, revision.last_modified.timestamp())
    return published


def test_a_mirror_is_taken_over_without_a_download(keeper):
    """Coverage with the vendor's revision, a receipt each, the files untouched; verify is content."""
    published = mirror(keeper)
    before = len(keeper.home.vendor.requests)
    told = keeper.json("archive", "adopt")

    assert [{"dataset": OPTIONS.name, "adopted": 5, "known": 0, "not_adopted": 0}] == told["datasets"]
    assert {"listing"} == {request.kind for request in keeper.home.vendor.requests[before:]}
    rows = keeper.coverage()
    assert [revision for _, revision in published.values()] == [row.evidence.revision for row in rows]
    assert {Verdict.COMPLETE} == {row.verdict for row in rows}
    assert [len(data) for data, _ in published.values()] == [row.evidence.bytes for row in rows]
    assert {None} == {row.evidence.sha256 for row in rows}
    assert {key: data for key, (data, _) in published.items()} == {key: keeper.place.read(key) for key in KEYS}
    assert keeper.json("archive", "verify")["sound"]


def test_the_evidence_says_what_was_compared(keeper):
    """A bucket knows ETags, a folder times."""
    mirror(keeper)
    keeper.run("archive", "adopt")

    expected = "size and time agree" if isinstance(keeper.place, FolderPlace) else "size and etag agree"
    assert {expected} == {row.evidence.details["agrees"] for row in keeper.coverage()}


def test_a_second_run_says_nothing_new(local):
    """Idempotent: the same rows, nothing taken over again."""
    mirror(local)
    local.run("archive", "adopt")
    before = local.coverage()
    told = local.json("archive", "adopt")

    assert [{"dataset": OPTIONS.name, "adopted": 0, "known": 5, "not_adopted": 0}] == told["datasets"]
    assert before == local.coverage()


def test_workers_do_not_download_what_was_adopted(local):
    """Neither the discoverer nor a task that was queued before fetches it again."""
    local.run("discoverer", "historical", "--start", str(WEEK[0]), "--end", str(WEEK[-1]))
    mirror(local)
    local.run("archive", "adopt")
    before = len(local.home.vendor.requests)
    local.run("worker", "--once")
    local.run("discoverer", "historical", "--start", str(WEEK[0]), "--end", str(WEEK[-1]))

    assert {"listing"} == {request.kind for request in local.home.vendor.requests[before:]}
    assert 5 == len(local.coverage())


def test_an_unread_file_is_handed_out_only_if_its_gzip_adds_up(local):
    """Nothing to compare with: its own checksum decides, and nothing damaged is left on the disk."""
    published = mirror(local)
    local.place.spoil(KEYS[0])
    local.run("archive", "adopt")
    told = local.json("archive", "get", "--dates", f"{WEEK[0]},{WEEK[1]}", "--out", "out", code=3)

    assert ["damaged", "written"] == [one["result"] for one in told]
    found = [path for path in (local.home.folder / "out").rglob("*") if path.is_file()]
    assert [published[KEYS[1]][0]] == [path.read_bytes() for path in found]


def test_deep_reads_every_file_and_records_what_it_is(local):
    """sha256 and rows as if Forebay had taken the file; a damaged one is not adopted."""
    published = mirror(local)
    local.place.spoil(KEYS[0])
    told = local.json("archive", "adopt", "--deep", code=3)

    assert ["damaged"] == [each["fault"] for each in told["findings"]]
    assert [str(day) for day in WEEK[1:]] == [str(row.partition.day) for row in local.coverage()]
    for row in local.coverage():
        rows = len(gzip.decompress(published[OPTIONS.key(row.partition.day)][0]).splitlines()) - 1
        assert rows == row.evidence.rows
        assert 64 == len(row.evidence.sha256)


def test_what_was_adopted_unread_is_read_by_a_deep_verify(keeper):
    """From then on there is a sha256 to compare with, in the ledger and in the receipt."""
    mirror(keeper)
    keeper.run("archive", "adopt")
    assert keeper.json("archive", "status")["datasets"][0]["never_read"] == 5
    keeper.run("archive", "verify", "--deep", "--dataset", OPTIONS.name)

    digests = [row.evidence.sha256 for row in keeper.coverage()]
    assert 0 == keeper.json("archive", "status")["datasets"][0]["never_read"]
    with keeper.app() as app:
        assert digests == [app.archive.receipt(key).sha256 for key in KEYS]
    keeper.place.spoil(KEYS[0])
    found = keeper.json("archive", "verify", "--deep", "--dataset", OPTIONS.name, code=3)
    assert [("damaged", KEYS[0])] == [(each["fault"], each["key"]) for each in found["findings"]]


def test_files_that_differ_are_not_taken_over_and_each_says_why(local):
    """Another size, older than the vendor's revision, unknown keys, a day that the vendor does not list."""
    mirror(local)
    local.place.write(KEYS[0], b"broken off")
    local.place.write(KEYS[1], local.place.read(KEYS[1]), modified=1_600_000_000)
    local.place.write(f"{OPTIONS.name}/2026/03/.2026-03-04.csv.gz.Ab12", b"partial")
    local.place.write(OPTIONS.key(WEEK[0].replace(year=2025)), b"outside")
    local.place.write("notes.txt", b"mine")
    told = local.json("archive", "adopt", code=3)

    found = {each["key"]: (each["fault"], each["reason"]) for each in told["findings"]}
    assert "it has 10 bytes" in found[KEYS[0]][1]
    assert "2020-09-13" in found[KEYS[1]][1]
    assert ("stale", "stale") == (found[KEYS[0]][0], found[KEYS[1]][0])
    assert "foreign" == found[f"{OPTIONS.name}/2026/03/.2026-03-04.csv.gz.Ab12"][0]
    assert "unlisted" == found[OPTIONS.key(WEEK[0].replace(year=2025))][0]
    assert "foreign" == found["notes.txt"][0]
    assert all(each["next"] for each in told["findings"])
    assert WEEK[2:] == [row.partition.day for row in local.coverage()]


def test_a_copy_that_is_newer_than_the_vendors_file_is_fine(local):
    """Tools that do not keep times leave the time of the copy."""
    for key, (data, _) in local.published().items():
        local.place.write(key, data)
    local.run("archive", "adopt")

    assert {"size agrees, and it is not older than the vendor's file"} == {
        row.evidence.details["agrees"] for row in local.coverage()
    }


def test_other_bytes_of_the_same_size_show_by_their_etag(type_commands, bucket):
    """In a bucket the ETag is the MD5: a spoilt copy is stale, not held."""
    keeper = type_commands(BucketPlace(bucket))
    mirror(keeper)
    keeper.place.spoil(KEYS[2])
    told = keeper.json("archive", "adopt", "--dataset", OPTIONS.name, code=3)

    assert [("stale", KEYS[2])] == [(each["fault"], each["key"]) for each in told["findings"]]
    assert 4 == len(keeper.coverage())


def test_a_lost_ledger_is_adopted_with_its_receipts(keeper):
    """Files that Forebay took have a receipt: it says more than a comparison, and stays."""
    keeper.fill()
    before = keeper.coverage()
    keeper.shell.env["DATABASE_URL"] = "sqlite:///another.db"
    keeper.run("archive", "adopt", "--dataset", OPTIONS.name)

    assert len(keeper.published()) == keeper.json("archive", "status")["files"]
    digests = [each["sha256"] for each in keeper.json("archive", "list")]
    assert [row.evidence.sha256 for row in before] == digests


@pytest.mark.parametrize("extra", ["flatfiles/", "a/b/"])
def test_a_mirror_a_folder_too_deep_is_recognised(keeper, extra):
    """Which setting would fit is said, for all of it at once and not file by file."""
    mirror(keeper, prefix=extra)
    told = keeper.json("archive", "adopt", code=3)

    folder = extra.strip("/")
    in_folder = isinstance(keeper.place, FolderPlace)
    setting = f"ARCHIVE_URI={keeper.place.address}/{folder}" if in_folder else f"ARCHIVE_PREFIX=vendor/files/{folder}"
    assert [{"setting": setting, "files": 5}] == told["elsewhere"]
    assert [] == told["findings"]
    name, _, value = setting.partition("=")
    assert (
        0 == keeper("archive", "adopt", "--dataset", OPTIONS.name, DATABASE_URL="sqlite:///b.db", **{name: value}).code
    )


def test_an_address_inside_of_the_mirror_is_recognised(type_commands, tmp_path):
    """ARCHIVE_URI names the vendor's first folder instead of the one above it."""
    keeper = type_commands(FolderPlace(tmp_path / "mirror"))
    mirror(keeper, STOCKS)
    inside = str(tmp_path / "mirror" / "us_stocks_sip")
    told = keeper.json("archive", "adopt", code=3, ARCHIVE_URI=inside)

    assert [{"setting": f"ARCHIVE_URI={tmp_path / 'mirror'}", "files": 5}] == told["elsewhere"]


def test_nothing_there_is_said(local):
    """An empty folder: no error, and where was looked."""
    said = local.run("archive", "adopt")

    assert "nothing lies there" in said.out
    assert local.place.address in said.out


def test_adopting_needs_the_vendors_listing(local):
    """Without its keys there is nothing to compare with."""
    env = {"POLYGON_S3_ACCESS_KEY_ID": "", "POLYGON_S3_SECRET_ACCESS_KEY": ""}
    local.shell.refuses("archive", "adopt", says="no keys for flat files", next_step="POLYGON_S3", **env)
