"""Download first, upload then: resumed after a kill, from the local disk after a failed upload."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sites import KEY, MIB, MORNING, Site, csv_gz

from forebay.errors import StoreError, StoreUnavailable
from forebay.model.task import Done
from forebay.stores.archive import Archive
from forebay.stores.folder import FolderStore
from forebay.tasks.spool import OVERLAP_BYTES, Spool

SIZE = 4 * MIB


class Refusing(FolderStore):
    """A folder that takes no file, as a bucket that answers 503."""

    def put_stream(self, key, chunks, size, metadata):
        raise StoreUnavailable(f"{key}: 503")


def reads(vendor) -> int:
    """How many ranges of the file the vendor was asked for."""
    return sum(request.method == "GET" and request.path.endswith(".csv.gz") for request in vendor.requests)


def test_a_download_killed_at_ninety_percent_fetches_the_rest_only(tmp_path: Path) -> None:
    """The rerun asks for less than five percent more than was missing."""
    planned = Site(tmp_path, spool=True, part_bytes=16 << 10)
    size = 2 * MIB
    data = planned.publish(csv_gz(size))
    with planned.open() as (site, vendor):
        site.plan()
        site.be_killed_at("spool.chunk:116")
        there = site.spooled[0].stat().st_size
        before = reads(vendor)

        site.drain(dead=("first",))

        assert 0.85 * size < there < 0.95 * size
        assert (reads(vendor) - before) * site.part_bytes - (len(data) - there) < 0.05 * size
        assert data == b"".join(site.archive().open(KEY, site.listing().files[0].revision))
        assert [] == site.spooled


def test_what_nobody_will_upload_is_swept(tmp_path: Path) -> None:
    """The local file of a cancelled task goes, also when no worker comes to its key again; a failed one's stays."""
    spool = Spool(tmp_path / "spool")
    for name in ("cancelled", "failed"):
        path = spool.folder / "us_stocks_sip" / f"{name}.csv.gz.0123456789ab.part"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"the beginning")

    spool.sweep(lambda key: key == "us_stocks_sip/cancelled.csv.gz")

    assert ["failed.csv.gz.0123456789ab.part"] == [path.name for path in spool.folder.rglob("*.part")]


@pytest.fixture
def spooling(tmp_path: Path):
    """A running vendor, and a site that spools."""
    planned = Site(tmp_path, spool=True, part_bytes=MIB)
    planned.publish(csv_gz(SIZE))
    with planned.open() as opened:
        yield opened


def leave(site: Site, data: bytes) -> Path:
    """Let an earlier attempt have left `data` as the beginning of the file."""
    (listed,) = site.listing()
    with Spool(site.home / "spool").file(KEY, listed.revision) as file:
        file.path.write_bytes(data)
    return file.path


def archived(site: Site) -> bytes:
    return b"".join(site.archive().open(KEY, site.listing().files[0].revision))


@pytest.mark.parametrize("size", [1, OVERLAP_BYTES - 1, OVERLAP_BYTES + 1, SIZE // 2])
def test_what_is_there_is_continued(spooling, size: int) -> None:
    """However little or much is there, the whole is the vendor's file."""
    site, _ = spooling
    data = (site.published / KEY).read_bytes()
    leave(site, data[:size])

    assert isinstance(site.run(), Done)
    assert data == archived(site)


def test_what_is_not_the_beginning_is_thrown_away(spooling) -> None:
    """The last bytes are compared with the vendor's; where they differ, the download starts over."""
    site, _ = spooling
    leave(site, b"x" * (SIZE // 2))

    assert isinstance(site.run(), Done)
    assert (site.published / KEY).read_bytes() == archived(site)


def test_damage_further_back_is_found_by_the_check(spooling) -> None:
    """The first attempt fails with nothing left on the disk, the next one starts over."""
    site, _ = spooling
    data = bytearray((site.published / KEY).read_bytes())
    data[5000] ^= 1
    leave(site, bytes(data[: SIZE // 2]))

    assert "damaged" == site.run().kind
    assert [0] == [path.stat().st_size for path in site.spooled]
    assert isinstance(site.run(attempt=1), Done)


def test_a_failed_upload_is_tried_again_from_the_disk(spooling) -> None:
    """The vendor sends the file once, although the store refused it first."""
    site, vendor = spooling
    refusing = Archive(Refusing(site.home / "archive"))
    with pytest.raises(StoreUnavailable):
        site.run(site.mirror(archive=refusing))
    once = reads(vendor)
    with site.ledger() as ledger:
        ledger.tasks.rescue(dead=("tester",))

    assert isinstance(site.run(), Done)
    assert once == reads(vendor)
    assert [] == site.spooled


def test_a_file_that_another_process_writes_is_left_alone(spooling) -> None:
    """A worker that was stopped keeps its lock: the file is streamed past it, and its local file is as it was."""
    site, _ = spooling
    path = leave(site, b"begun")
    script = (
        "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); input()"
    )
    command = [sys.executable, "-c", script, str(path)]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with holder:
        assert "held" == holder.stdout.readline().strip()
        assert isinstance(site.run(), Done)
        assert b"begun" == path.read_bytes()
        holder.communicate("\n")

    assert (site.published / KEY).read_bytes() == archived(site)


def test_files_of_earlier_revisions_go(spooling) -> None:
    """A re-published file leaves no half of its predecessor on the disk."""
    site, _ = spooling
    old = leave(site, b"half")
    site.publish(csv_gz(1000, seed=4), at=MORNING)

    site.run()

    assert not old.exists()


def test_a_full_disk_is_named(spooling) -> None:
    """The error says which disk, how much is free, and what to do."""
    site, _ = spooling
    (listed,) = site.listing()
    spool = Spool(site.home / "spool")
    with spool.file(KEY, listed.revision) as file:
        full = os.open("/dev/full", os.O_RDWR)
        os.dup2(full, file._handle.fileno())
        os.close(full)
        with pytest.raises(StoreError, match="no space left") as caught:
            list(file.complete(site.files(), KEY, listed.revision))

    assert "free some space" in caught.value.remedy
