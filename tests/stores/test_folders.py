"""What only folders have: the file's own time, disks that are full, and temporary files."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from forebay.errors import StoreError, StoreUnavailable
from forebay.stores.disk import storage_errors
from forebay.stores.folder import FolderStore

KEY = "us_options_opra/day_aggs_v1/2024/03/2024-03-07.csv.gz"

# Writes 3 MB on a disk of which 1 MB may be used, and says what was raised and what is left.
CHILD = """
import resource, signal, sys
from pathlib import Path
from forebay.errors import StoreError
from forebay.stores.disk import storage_errors
from forebay.stores.folder import FolderStore
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6))
store = FolderStore(Path(sys.argv[1]))
try:
    store.put_stream("a/b", (bytes(10**5) for _ in range(30)), 3 * 10**6, {})
except StoreError as error:
    print(error.kind, bool(error.remedy), store.head("a/b"), store.uploads())
"""


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "archive")


def test_a_file_has_the_time_it_was_given(store: FolderStore, tmp_path: Path) -> None:
    """The vendor's time, as mirroring tools keep it; the folder is made on the first write and not before."""
    assert [] == list(store.list())
    assert not (tmp_path / "archive").exists()
    store.put(KEY, b"1", {"modified": "2024-03-08T11:00:00-05:00"})

    assert datetime(2024, 3, 8, 16, tzinfo=UTC) == store.head(KEY).modified
    assert b"1" == (tmp_path / "archive" / KEY).read_bytes()
    assert str(tmp_path / "archive") == store.address


def test_a_file_that_cannot_grow_leaves_nothing(tmp_path: Path) -> None:
    """A write that the system refuses is a StoreError with a next step, and the part that was written is gone."""
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path / "archive")], capture_output=True, text=True, check=False
    )
    assert ("store_full True None []\n", "") == (child.stdout, child.stderr)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_said(tmp_path: Path) -> None:
    """How much is free, and the settings by which the folder can be moved."""
    with (
        pytest.raises(StoreError, match="no space left on the disk") as raised,
        storage_errors(tmp_path, "ARCHIVE_URI"),
    ):
        Path("/dev/full").write_bytes(b"1")
    assert "ARCHIVE_URI" in raised.value.remedy
    assert str(tmp_path) in str(raised.value)


def test_a_place_that_is_no_folder_is_said(tmp_path: Path) -> None:
    """A file where the folder should be."""
    (tmp_path / "archive").write_text("in the way")
    with pytest.raises(StoreError, match="archive") as raised:
        FolderStore(tmp_path / "archive").put("a", b"1", {})
    assert "folder" in raised.value.remedy


def test_what_a_killed_process_left_is_found_and_removed(store: FolderStore, tmp_path: Path) -> None:
    """A file under way is an upload with its key, for this process and every other; it can be ended by any."""
    found = []

    def killed() -> Iterator[bytes]:
        yield b"12"
        found.extend(FolderStore(tmp_path / "archive").uploads("us_options"))
        store.abort(found[0])
        yield b"3"

    with pytest.raises(StoreUnavailable, match="ended by another process"):
        store.put_stream(KEY, killed(), 3, {})

    store.abort(found[0])
    assert [KEY] == [upload.key for upload in found]
    assert [] == store.uploads() == list(store.list())


@pytest.mark.parametrize("key", ["", "/etc/passwd", "a/../b", "a//b", "."])
def test_keys_stay_in_the_folder(store: FolderStore, key: str) -> None:
    """A key that would be a file elsewhere is refused."""
    with pytest.raises(StoreError, match="cannot be the name"):
        store.put(key, b"1", {})


def test_a_copy_takes_no_room(store: FolderStore, tmp_path: Path) -> None:
    """It is the same file under a second name, until one of the two is replaced."""
    store.put("a", b"1", {})
    store.copy("a", "b/c")
    assert (tmp_path / "archive/a").samefile(tmp_path / "archive/b/c")

    store.put("a", b"2", {})
    assert b"1" == (tmp_path / "archive/b/c").read_bytes()
