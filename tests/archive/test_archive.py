"""What an archive believes of what is in its store."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote

import pytest
from s3_server import a_bucket
from sites import DATASET, KEY, MORNING, NIGHT, Site

from forebay.errors import ObjectChanged
from forebay.model.intervals import Interval
from forebay.model.partition import Revision
from forebay.orchestration.archive.inventory import shelf
from forebay.stores.archive import DAMAGED, RECEIPTS, Archive
from forebay.stores.receipt import Receipt, to_json

DATA = b"the bytes of a file"
REVISION = Revision("v1", len(DATA), NIGHT)
RECEIPT = Receipt(REVISION, "ab" * 32, "cd" * 16, 7, MORNING)
LATER = replace(RECEIPT, revision=Revision("v2", len(DATA), MORNING))


@pytest.fixture(params=["folder", "bucket", "versioned"])
def archive(request: pytest.FixtureRequest, tmp_path) -> Archive:
    """An empty archive in each kind of store."""
    if request.param == "folder":
        yield Site(tmp_path).archive()
        return
    with a_bucket(versioned=request.param == "versioned") as bucket:
        yield Site(tmp_path, bucket=(bucket.name, bucket.endpoint)).archive()


def receive(archive: Archive, receipt: Receipt = RECEIPT, data: bytes = DATA) -> Receipt:
    return archive.receive(KEY, receipt.revision, [data], lambda: receipt, archive.find(KEY))


def test_a_received_file_is_held_as_its_receipt_says(archive: Archive) -> None:
    """It is found, proved, and read; nothing of ours is in the list."""
    receive(archive)

    held = archive.find(KEY)
    assert (RECEIPT, True) == (held.receipt, held.is_revision(REVISION))
    assert DATA == b"".join(archive.open(KEY, REVISION))
    assert [(KEY, held.stored.size)] == [(one.key, one.size) for one in archive.store.list()]


def test_what_is_not_there_is_not_held(archive: Archive) -> None:
    """Nothing is found under an unknown key, and another revision is not handed out for the one that was asked."""
    assert archive.find(KEY) is None
    assert archive.receipt(KEY) is None
    assert [] == archive.kept(KEY)
    receive(archive)
    with pytest.raises(ObjectChanged, match="does not hold"):
        archive.open(KEY, LATER.revision)


def test_nothing_is_visible_when_the_receipt_fails(archive: Archive) -> None:
    """The last word is the receipt's, after every byte has come; the earlier file stays as it was."""
    receive(archive)

    def refuse() -> Receipt:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        archive.receive(KEY, LATER.revision, [DATA[::-1]], refuse, archive.find(KEY))

    assert DATA == b"".join(archive.open(KEY, REVISION))


def test_a_receipt_without_its_file_proves_nothing(archive: Archive) -> None:
    """A worker that died after the receipt and before the file was visible leaves the earlier file unproved at most."""
    receive(archive)
    archive.store.put(f"{RECEIPTS}/{KEY}.json", to_json(LATER), {})

    assert not archive.find(KEY).is_revision(LATER.revision)


def test_a_receipt_that_cannot_be_read_is_none(tmp_path) -> None:
    """A file of ours that was cut is no reason to stop: the archived file is unproved, and can be taken again."""
    archive = Site(tmp_path).archive()
    receive(archive)
    archive.store.put(f"{RECEIPTS}/{KEY}.json", b'{"revision"', {})

    assert archive.find(KEY).receipt is None
    assert receive(archive) == archive.receipt(KEY)


def test_every_revision_that_was_replaced_is_told(archive: Archive) -> None:
    """The receipt lists them all, the oldest first; a store that forgets has a copy of each."""
    receive(archive)
    receive(archive, LATER)
    receive(archive, replace(LATER, revision=Revision("v3", len(DATA), MORNING + timedelta(days=1))))

    kept = archive.kept(KEY)
    assert ["v1", "v2"] == [one["etag"] for one in kept]
    if not archive.store.keeps_versions:
        copies = [archive.find(one["kept_as"]) for one in kept]
        assert [REVISION, LATER.revision] == [copy.receipt.revision for copy in copies]
        assert [DATA, DATA] == [b"".join(archive.store.open(copy.stored)) for copy in copies]


def test_a_file_in_the_place_of_a_damaged_one_tells_the_same_earlier_revisions(archive: Archive) -> None:
    """What was set aside is kept, and what it had replaced is not forgotten with it."""
    receive(archive)
    receive(archive, LATER)
    kept = archive.kept(KEY)
    archive.set_aside(archive.store.head(KEY))
    assert archive.find(KEY) is None

    archive.receive(KEY, LATER.revision, [DATA], lambda: LATER, was_here=True)

    assert kept == archive.kept(KEY)
    assert ["v1"] == [one["etag"] for one in kept]
    assert DATA == b"".join(archive.store.open(archive.store.head(f"{DAMAGED}/{KEY}")))


def test_the_same_revision_twice_replaces_nothing(archive: Archive) -> None:
    """A file whose receipt was lost is taken again; it is no other revision."""
    receive(archive)
    receive(archive)

    assert [] == archive.kept(KEY)


def test_a_foreign_file_is_held_unproved_until_it_is_adopted(archive: Archive) -> None:
    """What another tool put there is found without a receipt; a receipt that is recorded speaks for that state only."""
    archive.store.put(KEY, DATA, {})
    assert archive.find(KEY).receipt is None

    adopted = archive.record(KEY, replace(RECEIPT, sha256="", rows=None))

    assert adopted.receipt == archive.receipt(KEY)
    assert archive.find(KEY).is_revision(REVISION)
    archive.store.put(KEY, DATA + b"more", {})
    assert archive.find(KEY).receipt is None


def test_a_foreign_file_is_kept_when_the_vendors_comes(archive: Archive) -> None:
    """An archive loses nothing, not even what it does not know."""
    archive.store.put(KEY, b"somebody's", {})

    receive(archive)

    (kept,) = archive.kept(KEY)
    assert len(b"somebody's") == kept["size"]
    if not archive.store.keeps_versions:
        assert b"somebody's" == b"".join(archive.store.open(archive.store.head(kept["kept_as"])))


def test_a_receipt_for_nothing_is_refused(archive: Archive) -> None:
    """Only an object that is there can be adopted."""
    with pytest.raises(ObjectChanged):
        archive.record(KEY, RECEIPT)


def test_a_receipt_too_long_for_metadata_lies_beside_the_file(archive: Archive) -> None:
    """S3 takes 2 KB with an object; a longer history is not lost for that."""
    long = replace(RECEIPT, details={"replaced": [{"etag": "x" * 3000}]})

    receive(archive, long)

    assert long == archive.receipt(KEY)


def test_a_list_is_of_the_days_that_were_asked(archive: Archive) -> None:
    """Both ends are included; other datasets and other names are left out."""
    days = [date(2024, 2, 29), date(2024, 3, 1), date(2024, 3, 4)]
    for day in [*days, date(2024, 2, 28), date(2024, 3, 5)]:
        archive.store.put(DATASET.key(day), DATA, {})
    archive.store.put(f"{DATASET.name}/2024/03/notes.txt", DATA, {})

    assert days == list(shelf(archive.store, DATASET, Interval(days[0], days[-1])).files)


def test_files_under_way_are_swept_but_those_that_are_spared(tmp_path) -> None:
    """What a killed worker left goes; what a living one holds stays."""
    archive = Site(tmp_path).archive()
    receive(archive)
    tmp = tmp_path / "archive" / ".forebay" / "tmp"
    for name in ("a~1", "b~2"):
        (tmp / name).write_bytes(b"half")

    assert 1 == archive.sweep(lambda key: key == "a", datetime.now(UTC))
    assert ["a~1"] == [path.name for path in tmp.iterdir()]


def test_receipts_under_way_go_with_their_file_but_not_at_once(tmp_path) -> None:
    """A worker that was killed while it wrote a receipt leaves half of one: it is of a file, and not for ever."""
    archive = Site(tmp_path).archive()
    receive(archive)
    half = tmp_path / "archive" / ".forebay" / "tmp" / f"{quote(f'{RECEIPTS}/{KEY}.json', safe='')}~1"
    half.write_bytes(b"{")
    asked = []

    assert 0 == archive.sweep(asked.append, datetime.now(UTC))
    assert 1 == archive.sweep(asked.append, datetime.now(UTC) + timedelta(hours=2))
    assert {KEY} == set(asked)


def test_a_file_that_was_changed_by_hand_is_not_proved(tmp_path) -> None:
    """In a folder the receipt belongs to a size and a time."""
    archive = Site(tmp_path).archive()
    receive(archive)
    os.utime(tmp_path / "archive" / KEY, (0, datetime(2025, 1, 1, tzinfo=UTC).timestamp()))

    assert archive.find(KEY).receipt is None
