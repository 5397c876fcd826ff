"""A worker is killed at every step boundary of a transfer; the next one heals what it left."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from s3_server import ABucket
from sites import DATASET, KEY, MIB, MORNING, NIGHT, Site, csv_gz

from forebay.failpoints import POINTS
from forebay.model.coverage import Verdict
from forebay.model.task import TaskState

STREAM = [point for point in POINTS if point.startswith(("mirror.", "task."))]
SPOOL = [*(point for point in POINTS if point.startswith("spool.")), "mirror.visible"]
SMALL, LARGE = 300_000, 9 * MIB
"""Bytes; a bucket takes the large one in parts."""


def kill_and_run_again(planned: Site, point: str, size: int) -> None:
    """A re-published file is on its way when the worker dies; afterwards everything is as if it had not."""
    earlier = planned.publish(csv_gz(1000, seed=1), at=NIGHT)
    with planned.open() as (site, _):
        site.plan()
        first = site.listing().files[0].revision
        assert site.drain().state is TaskState.COMPLETED
        data = site.publish(csv_gz(size, seed=2), at=MORNING)
        site.plan()
        site.be_killed_at(point)

        task = site.drain(dead=("first",))

        archive, revision = site.archive(), site.listing().files[0].revision
        assert TaskState.COMPLETED is task.state
        assert data == b"".join(archive.open(KEY, revision))
        assert [KEY] == [stored.key for stored in archive.store.list()]
        kept = archive.kept(KEY)
        assert [(first.etag, first.size)] == [(one["etag"], one["size"]) for one in kept]
        copies = [stored.key for stored in archive.store.list(".forebay/revisions/")]
        assert kept[0]["kept_as"] in copies
        assert len(copies) == len([name for name in copies if name.startswith(kept[0]["kept_as"])])
        assert earlier == b"".join(archive.store.open(archive.store.head(kept[0]["kept_as"])))
        assert [] == archive.store.uploads()
        assert [] == site.spooled
        look_at_ledger(site, revision)


def look_at_ledger(site: Site, revision) -> None:
    with site.ledger() as ledger:
        (row,) = ledger.coverage.find("archive", DATASET.table)
        assert (Verdict.COMPLETE, revision) == (row.verdict, row.evidence.revision)
        assert site.archive().receipt(KEY).sha256 == row.evidence.sha256
    engine = sa.create_engine(f"sqlite:///{site.home}/ledger.db")
    with engine.connect() as connection:
        view = connection.execute(sa.text("SELECT file_key, status, retry_count FROM files")).all()
    engine.dispose()
    assert [(KEY, "completed", 0)] == [tuple(row) for row in view]


@pytest.mark.parametrize("point", STREAM)
def test_a_folder_survives_a_kill_at_every_point(point: str, tmp_path: Path) -> None:
    """Killed anywhere, the rerun ends with the vendor's bytes, the earlier revision, and no litter."""
    kill_and_run_again(Site(tmp_path), point, SMALL)


@pytest.mark.parametrize("point", SPOOL)
def test_a_spooled_transfer_survives_a_kill_at_every_point(point: str, tmp_path: Path) -> None:
    """The same by way of the local disk, on which nothing is left."""
    kill_and_run_again(Site(tmp_path, spool=True), point, SMALL)


@pytest.mark.parametrize("point", ["mirror.middle", "mirror.receipt", "mirror.visible"])
def test_a_bucket_survives_a_kill_at_every_point_of_an_upload(point: str, tmp_path: Path, bucket: ABucket) -> None:
    """The same with an upload in parts, of which none stays open."""
    kill_and_run_again(Site(tmp_path, bucket=(bucket.name, bucket.endpoint), part_bytes=MIB), point, LARGE)

    assert [] == bucket.open_uploads()


@pytest.mark.parametrize("point", ["mirror.receipt"])
def test_a_small_object_survives_a_kill(point: str, tmp_path: Path, bucket: ABucket) -> None:
    """The same for a file that is stored by one request, with its receipt as metadata."""
    kill_and_run_again(Site(tmp_path, bucket=(bucket.name, bucket.endpoint)), point, SMALL)
