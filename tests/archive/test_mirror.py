"""A file on its way from the vendor into the archive: what becomes visible, and what is said of it."""

from __future__ import annotations

import gzip
from dataclasses import replace

import pytest
from sites import HEADER, KEY, MIB, MORNING, Site, csv_gz

from forebay.errors import LeaseLost, OutOfReach, RevisionChanged
from forebay.model.coverage import Verdict
from forebay.model.partition import Revision
from forebay.model.task import Discard, Done, Lease, Retry, TaskState
from forebay.tasks.origin import Origin
from forebay.testing import FakeClock


def visible(site: Site) -> list[str]:
    return [stored.key for stored in site.archive().store.list()]


def test_a_file_arrives_with_its_receipt(site: Site) -> None:
    """The archive has the vendor's bytes, and the coverage row and the receipt say the same of them."""
    (listed,) = site.listing()

    (row,) = site.run().coverage

    archive = site.archive()
    receipt = archive.receipt(KEY)
    assert (site.published / KEY).read_bytes() == b"".join(archive.open(KEY, listed.revision))
    assert listed.revision == receipt.revision == row.evidence.revision
    assert (receipt.sha256, receipt.rows, receipt.checked_at) == (
        row.evidence.sha256,
        row.evidence.rows,
        row.checked_at,
    )
    assert ("archive", Verdict.COMPLETE, receipt.md5) == (row.destination, row.verdict, row.evidence.details["md5"])
    assert [KEY] == visible(site)


def test_a_file_that_is_there_is_not_moved_again(site: Site) -> None:
    """A second task for the same revision is done at once, with the first one's evidence; the vendor sends nothing."""
    first = site.run()
    with site.lease() as (lease, _):
        again = site.mirror(files=None)(lease, lambda *_: pytest.fail("no step is taken"))

    assert first == again


def test_a_republished_file_replaces_the_first_and_keeps_it(site: Site) -> None:
    """Both revisions are in the archive, the later one under the key, and its receipt names the earlier one."""
    (first,) = site.listing()
    site.run()
    earlier = (site.published / KEY).read_bytes()
    site.publish(csv_gz(50_000, seed=3), at=MORNING)

    site.run()

    archive = site.archive()
    (kept,) = archive.kept(KEY)
    held = archive.find(kept["kept_as"])
    assert earlier == b"".join(archive.store.open(held.stored))
    assert first.revision == held.receipt.revision == Revision(kept["etag"], kept["size"], first.revision.last_modified)
    assert [KEY] == visible(site)


def test_a_damaged_file_is_read_once_more_and_then_given_up(site: Site) -> None:
    """Nothing of it becomes visible; the second time the day is suspect, and quarantine says why."""
    site.publish(csv_gz(MIB)[:-5])

    first, second = site.run(), site.run(attempt=1)

    assert isinstance(first, Retry)
    assert ("damaged", False) == (first.kind, first.upload)
    assert isinstance(second, Discard)
    assert [Verdict.SUSPECT] == [row.verdict for row in second.coverage]
    assert [KEY] == [one.key for one in site.records().quarantine.list()]
    assert [] == visible(site)
    assert [] == site.archive().store.uploads()


def test_unknown_columns_are_archived_and_noted(site: Site) -> None:
    """An archive loses nothing: what the vendor sends is kept, with its header in the receipt."""
    site.publish(csv_gz(1000, header=HEADER + ",vwap"))

    outcome = site.run()

    assert isinstance(outcome, Done)
    assert HEADER + ",vwap" == site.archive().receipt(KEY).details["header"]


@pytest.mark.parametrize("lost_at", [TaskState.DOWNLOADED, TaskState.UPLOADING])
def test_a_worker_that_lost_its_lease_makes_nothing_visible(site: Site, lost_at: TaskState) -> None:
    """Even when every byte has arrived."""

    def step(*states: TaskState) -> None:
        if lost_at in states:
            raise LeaseLost("another worker has it")

    with site.lease() as (lease, _), pytest.raises(LeaseLost):
        site.mirror()(lease, step)

    assert [] == visible(site)
    assert [] == site.archive().store.uploads()


def test_a_worker_that_breaks_off_leaves_nothing(site: Site) -> None:
    """It is asked with every chunk whether it should go on."""
    site.publish(csv_gz(MIB))

    def alive(_: Lease) -> None:
        raise LeaseLost("told to break off")

    with pytest.raises(LeaseLost):
        site.run(site.mirror(alive=alive))

    assert [] == visible(site)


def test_a_file_that_is_replaced_on_the_way_is_not_mixed(site: Site) -> None:
    """The task was planned from another listing: it fails for now, and nothing is stored."""
    with site.lease() as (lease, _):
        site.publish(csv_gz(100_000, seed=9), at=MORNING)
        with pytest.raises(RevisionChanged):
            site.mirror()(lease, lambda *_: None)

    assert [] == visible(site)


def test_a_file_is_read_from_the_archive_where_it_is_held(site: Site) -> None:
    """The vendor is asked only for a revision that the archive lacks."""
    (listed,) = site.listing()
    site.run()
    data = (site.published / KEY).read_bytes()
    other = replace(listed.revision, etag="another")

    assert data == b"".join(Origin(None, site.archive(), FakeClock(MORNING)).open(KEY, listed.revision))
    assert data[10:] == b"".join(Origin(site.files(), None, FakeClock(MORNING)).open(KEY, listed.revision, 10))
    with (
        pytest.raises(RevisionChanged),
        Origin(site.files(), site.archive(), FakeClock(MORNING)).open(KEY, other) as stream,
    ):
        next(stream)
    with pytest.raises(OutOfReach, match="archive does not hold"):
        Origin(None, site.archive(), FakeClock(MORNING)).open(KEY, other)


def test_a_file_of_several_members_is_whole(site: Site) -> None:
    """Gzip members end to end are one file."""
    site.publish(gzip.compress(HEADER.encode() + b"\n") + gzip.compress(b"1\n2\n"))

    (row,) = site.run().coverage

    assert 2 == row.evidence.rows
