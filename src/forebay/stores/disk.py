"""The disk's refusals as Forebay's errors, and files that are whole before they have a name."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from forebay.errors import StoreError, StoreFull


@contextmanager
def storage_errors(path: Path, settings: str = "FOREBAY_HOME") -> Iterator[None]:
    """Turn the system's errors about `path` into StoreError or StoreFull; `settings` say where `path` is."""
    try:
        yield
    except OSError as error:
        raise _translated(error, path, settings) from error


def make_folder(folder: Path) -> None:
    """Make `folder` and those above it that are not there, so that a power cut does not take them. Raises OSError."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync(folder.parent)


def sync(path: Path) -> None:
    """Wait until the disk has a file's content, or a folder's names. Raises OSError."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _translated(error: OSError, path: Path, settings: str) -> StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return full(path, settings)
    return StoreError(
        f"{path}: {error.strerror or error}", remedy="check that the folder exists and that you may write to it"
    )


def full(path: Path, settings: str) -> StoreFull:
    """The error for a file at `path` that does not fit."""
    free = shutil.disk_usage(_existing(path)).free
    return StoreFull(
        f"{path}: no space left on the disk ({free / 1e6:.0f} MB free)",
        remedy=f"free some space or move {settings} to a larger disk, then run the same command again;"
        " what is held stays held",
    )


def check_room(path: Path, size: int, settings: str) -> None:
    """Raise StoreFull now, rather than after most of `size` bytes were fetched for nothing."""
    if shutil.disk_usage(_existing(path)).free < size:
        raise full(path, settings)


@dataclass(frozen=True, slots=True)
class Room:
    """The disk that a path is on, or will be. In bytes."""

    total: int
    free: int

    @property
    def used(self) -> float:
        """The part of it that is taken, from 0 to 1."""
        return 1 - self.free / self.total if self.total else 1.0


def room(path: Path) -> Room:
    """How much there is at `path`, for whoever runs this. Raises OSError."""
    found = shutil.disk_usage(_existing(path.absolute()))
    return Room(found.used + found.free, found.free)


def _existing(path: Path) -> Path:
    while not path.exists() and path != path.parent:
        path = path.parent
    return path
